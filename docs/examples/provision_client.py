#!/usr/bin/env python3
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
"""A client of provisiond for programming stations, in one file that needs nothing but Python 3.9.

As a module:

    from provision_client import Client, Problem

    with Client("https://prov.example:8443", "ca.pem", "station.pem", "station.key") as client:
        license = client.license("meter", {"certificate_chain": open("chip.pem").read()})
        client.outcome(license.install_id, "succeeded")

As a command: `provision_client.py --help`. It reads the PROVCTL_* environment and ends with the exit
status of provctl: 0 done (a repeat too), 10 quota spent, 11 this station may not, 12 the device is
not genuine, 13 conflict or scrapped, 20 try again, 64 wrong words, 1 anything else.

Every request may be sent again: the same device and image get the same license and are never charged
twice. So this client sends it again, on a new connection and after a growing pause, when the answer
is "later" or none came, until `timeout` seconds are over. A Client keeps one connection, for which a
handshake is paid once; it belongs to one thread, as a socket of a gang programmer has one.
"""
from __future__ import annotations

import argparse
import base64
import contextlib
import hashlib
import http.client
import json
import os
import random
import ssl
import sys
import time
import urllib.parse
from dataclasses import dataclass
from typing import Any, BinaryIO, Callable, Iterator, Mapping, NoReturn, Optional, Sequence, Union

ANSWER_MAX_BYTES = 8 * 1024 * 1024  # a batch of 256 licenses has less than 2 MiB
CHUNK_BYTES = 16 * 1024  # what a line that breaks costs at most
SILENCE_MAX_S = 30.0  # how long one answer may take to go on
PAUSE_MIN_S = 0.2
PAUSE_MAX_S = 5.0

EXIT_OTHER, EXIT_FORBIDDEN, EXIT_TRY_AGAIN, EXIT_USAGE = 1, 11, 20, 64
EXIT_OF = {
    "quota-spent": 10, "budget-spent": 10,
    "unauthenticated": EXIT_FORBIDDEN, "forbidden": EXIT_FORBIDDEN,
    "device-not-genuine": 12, "attempts-spent": 12,
    "device-identity-conflict": 13, "device-scrapped": 13,
}

# {"certificate_chain": PEM text}, or {"st_certificate": base64 of what an ST chip showed}
Device = Mapping[str, str]


class ServiceError(Exception):
    """What keeps a request from being done; `retryable`: the same call may succeed later."""

    retryable = True
    exit_status = EXIT_TRY_AGAIN


class Unreachable(ServiceError):
    """No whole answer came within the time. Whether the request was done is not known."""


class Problem(ServiceError):
    """The service refused (RFC 9457); docs/problems.md says what to do about each `name`."""

    def __init__(self, status: int, document: Mapping[str, Any]) -> None:
        self.status = status
        self.name = str(document.get("type", "")).rpartition("/")[2] or f"http-{status}"
        self.check = str(document.get("check", ""))
        self.path = str(document.get("path", ""))
        self.detail = str(document.get("detail", "The answer is no problem document."))
        self.request_id = str(document.get("request_id", ""))
        self.retryable = document.get("retryable") is True
        if not self.retryable:
            self.exit_status = EXIT_OF.get(self.name, EXIT_OTHER)
        words = [word for word in (self.name, self.check, self.path) if word]
        super().__init__(f"{' '.join(words)}: {self.detail}")


@dataclass(frozen=True)
class License:
    license_id: str
    install_id: str
    license: bytes
    profile: str
    charged: bool
    image: str
    attempt: int
    remaining: int
    journal_index: int

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> License:
        members: dict[str, Any] = {name: answer[name] for name in cls.__dataclass_fields__}
        members["license"] = base64.b64decode(answer["license"], validate=True)
        return cls(**members)


class _Retry:
    """When to ask again, and when no longer."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self.renew()

    def renew(self) -> None:
        self._end = time.monotonic() + self._timeout
        self._pause = PAUSE_MIN_S

    def left(self) -> float:
        return max(self._end - time.monotonic(), 0.1)

    def wait(self, retry_after: Optional[str]) -> bool:
        """Sleeps as long as the server says, or a pause that grows; False when time is over."""
        # Stations that lost the same server must not come back in step.
        pause = self._pause * random.uniform(1.0, 1.5)
        self._pause = min(self._pause * 2, PAUSE_MAX_S)
        if retry_after is not None and retry_after.isdecimal():
            pause = max(pause, float(retry_after))
        if pause >= self._end - time.monotonic():
            return False
        time.sleep(pause)
        return True


class Client:
    """One station's connection. Methods raise Problem, Unreachable, or OSError for local files."""

    def __init__(self, url: str, ca: str, cert: str, key: str, timeout: float = 30.0) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme != "https" or not parts.hostname or parts.path not in ("", "/"):
            raise ValueError(f"{url} is no https://HOST[:PORT]")
        self._host, self._port = parts.hostname, parts.port or 443
        self._tls = ssl.create_default_context(cafile=ca)  # that CA alone; the name is checked
        self._tls.load_cert_chain(cert, key)
        self._timeout = timeout
        self._connection: Optional[http.client.HTTPSConnection] = None

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    # ---- what a station does for a device ----

    def license(self, product: str, device: Device, image: str = "latest",
                context: Optional[Mapping[str, str]] = None) -> License:
        """The license of one device; context: lot, line, work_order, operator, socket."""
        return License.of(self._json("POST", "/v1/licenses",
                                     license_request(product, device, image, context)))

    def licenses(self, requests: Sequence[Mapping[str, Any]]) -> list[Union[License, Problem]]:
        """Up to 256 license_request()s at once: a License or a Problem for each, in their order."""
        answer = self._json("POST", "/v1/licenses/batch", {"licenses": list(requests)})
        return [License.of(result["license"]) if "license" in result
                else Problem(result["status"], result["problem"]) for result in answer["results"]]

    def outcome(self, install_id: str, result: str, code: str = "", detail: str = "",
                device_receipt: bytes = b"") -> dict[str, Any]:
        """succeeded, failed or scrapped. A later one replaces an earlier one, but not scrapped."""
        members = {"result": result, "code": code, "detail": detail,
                   "device_receipt": base64.b64encode(device_receipt).decode()}
        return self._json("POST", f"/v1/installs/{_quoted(install_id)}/outcome",
                          {name: value for name, value in members.items() if value})

    def receipt(self, license_id: str) -> dict[str, Any]:
        """The proof that a license is in the journal; waits until a checkpoint covers it."""
        return self.read(f"/v1/licenses/{_quoted(license_id)}/receipt")

    # ---- reads ----

    def read(self, path: str) -> dict[str, Any]:
        """Any GET that answers JSON: /v1/self, /v1/installs/{id}, /v1/products/{name}/usage, ..."""
        return self._json("GET", path)

    def rows(self, what: str, **query: str) -> Iterator[dict[str, Any]]:
        """All of a list, page after page: rows("installs", result="failed", lot="7")."""
        while True:
            asked = f"?{urllib.parse.urlencode(query)}" if query else ""
            page = self.read(f"/v1/{what}{asked}")
            yield from page[what]
            if "next_cursor" not in page:
                return
            query["cursor"] = page["next_cursor"]

    # ---- the image ----

    def image(self, digest: str, path: str) -> None:
        """Downloads an encrypted image to path, once for each image and not for each device.

        What came stays in PATH.part, so that the next try or the next run asks for the rest only;
        the file gets its name when its digest is right. `timeout` counts from the last byte.
        """
        if os.path.exists(path) and _digest(path) == digest:
            return
        part = path + ".part"
        with open(part, "ab") as file:
            try:
                self._ask("GET", f"/v1/images/{_quoted(digest)}/content", None,
                          lambda answer, retry: _append(file, answer, retry),
                          lambda: {"Range": f"bytes={file.tell()}-"} if file.tell() else {})
            except Problem as problem:
                if problem.name != "range-not-satisfiable":  # which is: all of it is there
                    raise
            file.flush()
            os.fsync(file.fileno())
        if _digest(part) != digest:
            os.unlink(part)
            raise ValueError(f"what came is not {digest}; the part was removed, ask again")
        os.replace(part, path)

    # ---- one request, asked until it is answered ----

    def _json(self, method: str, path: str, body: Optional[object] = None) -> dict[str, Any]:
        content = None if body is None else json.dumps(body).encode()
        answer = json.loads(self._ask(method, path, content, lambda answer, _: _whole(answer)))
        if not isinstance(answer, dict):
            raise ValueError("the answer is no JSON object; is this provisiond?")
        return answer

    def _ask(self, method: str, path: str, content: Optional[bytes],
             take: Callable[[http.client.HTTPResponse, _Retry], bytes],
             headers: Callable[[], Mapping[str, str]] = dict) -> bytes:
        retry = _Retry(self._timeout)
        while True:
            retry_after = None
            failure: ServiceError
            try:
                answer = self._send(method, path, content, headers(), retry)
                if answer.status in (200, 201, 206):
                    return take(answer, retry)
                failure = _problem(answer)
                retry_after = answer.headers.get("Retry-After")
            except Unreachable as lost:
                self.close()
                failure = lost
            except BaseException:  # a full disk, Ctrl-C: half of an answer is still on its way
                self.close()
                raise
            if not failure.retryable or not retry.wait(retry_after):
                raise failure

    def _send(self, method: str, path: str, content: Optional[bytes], headers: Mapping[str, str],
              retry: _Retry) -> http.client.HTTPResponse:
        silence = min(retry.left(), SILENCE_MAX_S)
        if self._connection is None:
            self._connection = http.client.HTTPSConnection(self._host, self._port,
                                                           timeout=silence, context=self._tls)
        if self._connection.sock is not None:
            self._connection.sock.settimeout(silence)
        own = {"Accept": "application/json, application/octet-stream;q=0.9, */*;q=0.1"}
        if content is not None:
            own["Content-Type"] = "application/json"
        with _network():
            self._connection.request(method, path, content, {**own, **headers})
            return self._connection.getresponse()


def license_request(product: str, device: Device, image: str = "latest",
                    context: Optional[Mapping[str, str]] = None) -> dict[str, Any]:
    request: dict[str, Any] = {"product": product, "image": image, "device": dict(device)}
    return {**request, "context": dict(context)} if context else request


def _quoted(text: str) -> str:
    return urllib.parse.quote(text, safe=":")


@contextlib.contextmanager
def _network() -> Iterator[None]:
    """What goes wrong in here is the network's, and asking again may help."""
    try:
        yield
    except (OSError, http.client.HTTPException) as lost:
        if "CERTIFICATE" in str(getattr(lost, "reason", "")):
            raise  # one side does not take the other's certificate: asking again does not help
        raise Unreachable(f"no answer: {lost!r}") from lost


def _read(answer: http.client.HTTPResponse, most: int) -> bytes:
    with _network():
        content = answer.read(most)
        if len(content) < most and answer.length:
            raise http.client.IncompleteRead(content, answer.length)
        return content


def _whole(answer: http.client.HTTPResponse) -> bytes:
    content = _read(answer, ANSWER_MAX_BYTES + 1)
    if len(content) > ANSWER_MAX_BYTES:
        raise ValueError("the answer is too large; is this provisiond?")
    return content


def _problem(answer: http.client.HTTPResponse) -> Problem:
    try:
        document = json.loads(_whole(answer))
    except ValueError:
        document = {}
    return Problem(answer.status, document if isinstance(document, dict) else {})


def _append(file: BinaryIO, answer: http.client.HTTPResponse, retry: _Retry) -> bytes:
    """The rest of an image, behind what is there already."""
    if answer.status != 206:
        file.truncate(0)
        file.seek(0)
    elif not answer.headers.get("Content-Range", "").startswith(f"bytes {file.tell()}-"):
        raise ValueError("the server sent another part than was asked for")
    while chunk := _read(answer, CHUNK_BYTES):
        file.write(chunk)
        retry.renew()
    return b""


def _digest(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return "sha256:" + digest.hexdigest()


# ---- the command ----


def _license_line(answer: License) -> str:
    charged = "yes" if answer.charged else "no"
    return f"{answer.install_id} charged={charged} remaining={answer.remaining}"


def _device(words: argparse.Namespace, path: str) -> Device:
    with open(path, "rb") as file:
        content = file.read()
    if words.st:
        return {"st_certificate": base64.b64encode(content).decode()}
    return {"certificate_chain": content.decode()}


def _request(words: argparse.Namespace, path: str) -> dict[str, Any]:
    context = {name: getattr(words, name) for name in ("lot", "line") if getattr(words, name)}
    return license_request(words.product, _device(words, path), words.image, context)


def _folder_of(path: str) -> None:
    """A folder that cannot be written shall not cost a unit."""
    if not os.access(os.path.dirname(path) or ".", os.W_OK):
        raise OSError(f"{path} cannot be written")


def _save(path: str, content: bytes) -> None:
    """Whole, or not at all."""
    with open(path + ".new", "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(path + ".new", path)


def _license(client: Client, words: argparse.Namespace) -> int:
    _folder_of(words.out)
    answer = client.license(**_request(words, words.certificate))
    _save(words.out, answer.license)
    print(_license_line(answer))
    return 0


def _batch(client: Client, words: argparse.Namespace) -> int:
    status = 0
    os.makedirs(words.dir, exist_ok=True)
    answers = client.licenses([_request(words, path) for path in words.certificates])
    for path, answer in zip(words.certificates, answers):
        if isinstance(answer, License):
            name = os.path.splitext(os.path.basename(path))[0]
            _save(os.path.join(words.dir, name + ".lic"), answer.license)
        else:
            status = status or answer.exit_status
        print(path, _license_line(answer) if isinstance(answer, License) else answer)
    return status


def _outcome(client: Client, words: argparse.Namespace) -> int:
    answer = client.outcome(words.install, words.result, words.code, words.detail)
    print(answer["install_id"], answer["result"])
    return 0


def _receipt(client: Client, words: argparse.Namespace) -> int:
    answer = client.receipt(words.license)
    _save(words.out, json.dumps(answer).encode())
    print(f"{answer['license_id']} leaf={answer['index']} checkpoint={answer['tree_size']}")
    return 0


def _image(client: Client, words: argparse.Namespace) -> int:
    client.image(words.digest, words.out)
    return 0


def _show(client: Client, words: argparse.Namespace) -> int:
    print(json.dumps(client.read(words.path)))
    return 0


def _list(client: Client, words: argparse.Namespace) -> int:
    for row in client.rows(words.what, **dict(urllib.parse.parse_qsl(words.query))):
        print(json.dumps(row))
    return 0


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(EXIT_USAGE, f"{self.prog}: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(description="Ask provisiond for licenses, and report outcomes.")
    for name in ("url", "ca", "cert", "key"):
        value = os.environ.get(f"PROVCTL_{name.upper()}", "")
        parser.add_argument(f"--{name}", default=value, required=not value)
    parser.add_argument("--timeout", type=float, help="seconds for all tries together (30)",
                        default=os.environ.get("PROVCTL_TIMEOUT") or "30")
    verbs = parser.add_subparsers(dest="verb", required=True)

    def verb(run: Callable[[Client, argparse.Namespace], int], name: str, *operands: str,
             about: str) -> argparse.ArgumentParser:
        one = verbs.add_parser(name, help=about)
        one.set_defaults(run=run)
        for operand in operands:
            one.add_argument(operand)
        return one

    product = os.environ.get("PROVCTL_PRODUCT", "")
    for one in (verb(_license, "license", "certificate", "out", about="one device's license"),
                verb(_batch, "batch", "dir", about="DIR/NAME.lic for up to 256 NAME.pem")):
        one.add_argument("--product", default=product, required=not product)
        one.add_argument("--image", default="latest")
        one.add_argument("--st", action="store_true", help="the certificate is an ST chip's")
        one.add_argument("--lot", default="")
        one.add_argument("--line", default="")
    one.add_argument("certificates", nargs="+")
    one = verb(_outcome, "outcome", "install", about="how an install ended")
    one.add_argument("result", choices=("succeeded", "failed", "scrapped"))
    one.add_argument("code", nargs="?", default="", help="why, for machines")
    one.add_argument("detail", nargs="?", default="", help="and for people")
    verb(_receipt, "receipt", "license", "out", about="the proof that it is in the journal")
    verb(_image, "image", "digest", "out", about="the encrypted image, resumed")
    verb(_show, "read", "path", about="any GET: /v1/self, /v1/products/NAME/usage, ...")
    one = verb(_list, "list", "what", about="licenses, installs, ...: one a line, all pages")
    one.add_argument("query", nargs="?", default="", help="as result=failed&lot=7")
    return parser


def main() -> int:
    words = _parser().parse_args()
    try:
        with Client(words.url, words.ca, words.cert, words.key, words.timeout) as client:
            status: int = words.run(client, words)
            return status
    except ServiceError as refusal:
        request = f" (request {refusal.request_id})" if isinstance(refusal, Problem) else ""
        print(f"provision_client: {refusal}{request}", file=sys.stderr)
        return refusal.exit_status
    except (OSError, ValueError) as fault:  # a file, an address, a certificate
        print(f"provision_client: {fault}", file=sys.stderr)
        is_refused = isinstance(fault, ssl.SSLError) and "ALERT" in str(fault.reason)
        return EXIT_FORBIDDEN if is_refused else EXIT_OTHER


if __name__ == "__main__":
    sys.exit(main())
