# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
"""The factory that `rig.sh up --governed N` started: who calls it, and what they may ask for."""

import base64
import itertools
import json
import os
import pathlib
import re
import secrets
import subprocess
import tempfile
import time

from client import Client
from contract import ROLES

RECEIPT_TIMEOUT_S = 20
# How DIR/env calls them.
ENV_NAMES = {"administrator": "ADMIN"}
BOUNDARY = "contract-boundary"


def read_env(folder):
    text = (pathlib.Path(folder) / "env").read_text(encoding="utf-8")
    return dict(re.findall(r"^(\w+)='([^']*)'$", text, re.MULTILINE))


class Factory:
    def __init__(self, rig):
        self.env = read_env(rig)
        self._temp = tempfile.TemporaryDirectory(prefix="contract-", dir=rig)
        self.folder = pathlib.Path(self._temp.name)
        self.tag = secrets.token_hex(4)  # the same rig may be asked again
        self._numbers = itertools.count(1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._temp.cleanup()

    # ---- programs ----

    def run(self, *words, data=None):
        done = subprocess.run(words, input=data, capture_output=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(map(str, words))}: {done.stderr.decode()}")
        return done.stdout

    def ctl(self, *words):
        program = os.path.join(self.env["RIG_BIN"], "provctl")
        return self.run(program, "--config", self.env["RIG_CONFIG"], *words)

    # ---- certificates ----

    def key(self, name):
        path = self.folder / f"{name}.key"
        self.run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt",
                 "ec_paramgen_curve:P-256", "-out", path)
        return path

    def certificate(self, name, key, ca, days=90, usage="extendedKeyUsage=clientAuth"):
        """ca: the path of its .pem without the ending."""
        path = self.folder / f"{name}.pem"
        extensions = self.folder / "extensions"
        extensions.write_text(usage + "\n", encoding="utf-8")
        request = self.run("openssl", "req", "-new", "-key", key, "-subj",
                           f"/O=Contract/serialNumber={name}/CN={name}")
        self.run("openssl", "x509", "-req", "-CA", f"{ca}.pem", "-CAkey", f"{ca}.key", "-days",
                 str(days), "-extfile", extensions, "-out", path, data=request)
        return path

    def device(self):
        """PEM of a new genuine device of the product RIG_PRODUCT."""
        name = f"device-{self.tag}-{next(self._numbers)}"
        ca = self.env["RIG_DEVICE_CA_CERT"].removesuffix(".pem")
        usage = "keyUsage=critical,keyAgreement\nbasicConstraints=CA:FALSE"
        return self.certificate(name, self.key(name), ca, usage=usage).read_text(encoding="ascii")

    def chip(self):
        """What a new genuine chip of the product RIG_ST_PRODUCT shows."""
        state = self.folder / f"chip-{next(self._numbers)}"
        self.run(os.path.join(self.env["RIG_BIN"], "rig-chip"), "make", "--state", state, "--st-ca",
                 self.env["RIG_ST_CA_KEY"], "--product-id", self.env["RIG_ST_PRODUCT_ID"])
        return next(f for f in state.iterdir() if f.stat().st_size == 136).read_bytes()

    def document(self):
        """A new document of the maker for one more unit."""
        maker = pathlib.Path(self.env["RIG_MAKER_DIR"])
        text = self.folder / f"document-{next(self._numbers)}.json"
        self.run(os.path.join(self.env["RIG_BIN"], "provctl"), "grant", "new", "--kind", "install",
                 "--units", "1", "--product", self.env["RIG_GOVERNED_PRODUCT"], "--site",
                 self.env["RIG_SITE"], "--hsm", self.env["RIG_HSM_ID"], "--out", text)
        signers = []
        for n in (1, 2):
            signers += ["-signer", maker / f"officer-{n}.pem", "-inkey", maker / f"officer-{n}.key"]
        return self.run("openssl", "cms", "-sign", "-nodetach", "-binary", "-outform", "DER", "-in",
                        text, *signers)

    # ---- callers ----

    def client(self, cert=None, key=None):
        return Client(self.env["RIG_URL"], self.env["RIG_CA"], cert, key)

    def of_role(self, role):
        name = ENV_NAMES.get(role, role.upper())
        return self.client(self.env[f"RIG_{name}_CERT"], self.env[f"RIG_{name}_KEY"])

    def outsiders(self):
        """Those whom no x-roles names."""
        site = self.env["RIG_CA"].removesuffix(".pem")
        keys = {n: self.key(n) for n in ("unenrolled", "expired", "disabled", "foreign")}
        # Enrolled, so that its age alone is against it.
        self.ctl("station", "add", f"expired-{self.tag}", "--certificate",
                 self.certificate("expired-once", keys["expired"], site))
        certificates = {
            "unenrolled": self.certificate("unenrolled", keys["unenrolled"], site),
            "expired": self.certificate("expired", keys["expired"], site, days=-1),
            "disabled": self.certificate("disabled", keys["disabled"], site),
            "foreign": self.certificate("foreign", keys["foreign"], self._foreign_ca()),
        }
        name = f"disabled-{self.tag}"
        self.ctl("station", "add", name, "--certificate", certificates["disabled"])
        self.ctl("station", "disable", name)
        return {n: self.client(certificates[n], keys[n]) for n in keys} | {"none": self.client()}

    def _foreign_ca(self):
        """Of the site's CA's own name, with another key."""
        ca = self.folder / "other-ca"
        subject = self.run("openssl", "x509", "-in", self.env["RIG_CA"], "-noout", "-subject",
                           "-nameopt", "compat").decode().strip().removeprefix("subject=").strip()
        self.run("openssl", "req", "-new", "-x509", "-key", self.key("other-ca"), "-subj", subject,
                 "-days", "90", "-addext", "keyUsage=critical,keyCertSign", "-out", f"{ca}.pem")
        return ca

    def callers(self):
        return {role: self.of_role(role) for role in ROLES} | self.outsiders()


# ---- requests that the rig can answer with success ----


class Samples:
    """For each operation a target and a body; what the file adds without a sample here fails."""

    def __init__(self, factory):
        self._factory = factory
        self._pem = factory.device()
        self._chip = factory.chip()
        self._station = factory.of_role("station")
        answer = self._station.send("POST", "/v1/licenses", self.license())
        if answer.status != 201:
            raise RuntimeError(f"no license to begin with: {answer.status} {answer.body!r}")
        self._license = json.loads(answer.body)
        self._values = self._path_values()
        self._bodies = {
            "createLicense": lambda: (self.license(), "application/json"),
            "createLicenses": lambda: (self.batch(), "application/json"),
            "reportOutcome": lambda: (self.outcome(), "application/json"),
            "applyGrant": lambda: (factory.document(), "application/cms"),
            "createLicenseByAlias": self._form,
        }
        self._wait_for_receipt()

    def _path_values(self):
        env = self._factory.env
        grants = self._factory.of_role("operator").send("GET", "/v1/grants?limit=1")
        listed = json.loads(grants.body).get("grants") if grants.status == 200 else None
        return {
            "license_id": self._license["license_id"],
            "install_id": self._license["install_id"],
            "product": env["RIG_PRODUCT"],
            "digest": env["RIG_IMAGE"],
            "grant_id": listed[0]["grant_id"] if listed else "00000000-0000-4000-8000-000000000000",
            "station": "station-1",
            "tile": "0/000.p/1",
            "FwId": env["RIG_ST_FWID"],
            "problem": "quota-spent",
        }

    def _wait_for_receipt(self):
        deadline = time.monotonic() + RECEIPT_TIMEOUT_S
        target = f"/v1/licenses/{self._license['license_id']}/receipt"
        while self._station.send("GET", target).status == 503 and time.monotonic() < deadline:
            time.sleep(0.1)

    def license(self):
        body = {
            "product": self._factory.env["RIG_PRODUCT"],
            "image": "latest",
            "device": {"certificate_chain": self._pem},
            "context": {name: f"{name}-1" for name in
                        ("lot", "line", "work_order", "operator", "socket")},
        }
        return json.dumps(body).encode()

    def batch(self):
        chip = {
            "product": self._factory.env["RIG_ST_PRODUCT"],
            "device": {"st_certificate": base64.b64encode(self._chip).decode()},
        }
        return json.dumps({"licenses": [json.loads(self.license()), chip]}).encode()

    def outcome(self):
        body = {"result": "succeeded", "code": "E0", "detail": "as it should be"}
        return json.dumps(body).encode()

    def _form(self):
        head = (f"--{BOUNDARY}\r\nContent-Disposition: form-data; "
                'name="dev_certificate_file"; filename="chip.bin"\r\n\r\n')
        body = head.encode() + self._chip + f"\r\n--{BOUNDARY}--\r\n".encode()
        return body, f"multipart/form-data; boundary={BOUNDARY}"

    def target(self, op):
        return re.sub(r"{([^}]*)}", lambda m: self._value(op, m[1]), op.path)

    def _value(self, op, name):
        if name not in self._values:
            raise LookupError(f"{op.id}: add a value for the path's {{{name}}} to factory.py")
        return self._values[name]

    def body(self, op):
        """Bytes and media type; (None, None) for an operation without a body."""
        if not op.request:
            return None, None
        if op.id not in self._bodies:
            raise LookupError(f"{op.id}: add a request body to factory.py")
        return self._bodies[op.id]()
