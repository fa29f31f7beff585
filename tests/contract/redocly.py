#!/usr/bin/python3
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
"""redocly.py install NODE-DIR | lint NODE-DIR OPENAPI.yaml | respect NODE-DIR OPENAPI.yaml RIG-DIR

The outside judge: Redocly's `lint` reads the contract, its `respect` tells the story of
story.arazzo.yaml to a rig over mutual TLS. Both must say no to a contract in which one line was
broken: a judge that never says no is none. NODE-DIR is in a build folder; nothing else is written.
The other judge from npm, which opens licenses (tests/judge/open_jwe.js), is installed with it.
"""

import fcntl
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from factory import ENV_NAMES, Factory

# The last ones that run on Node 18.
PACKAGES = ("@redocly/cli@1.34.6", "jose@5.10.0")
HERE = pathlib.Path(__file__).resolve().parent
STORY = "story.arazzo.yaml"
WORKFLOWS = ("station", "operator", "auditor", "metrics")
TIMEOUT_S = 300
# One line of the contract, in another way than the server is.
BROKEN_FOR_LINT = (r"operationId: readSelf\n", "operationId: readReady\n")
BROKEN_FOR_RESPECT = (r"(    LicenseId:\n      type:) string", r"\1 integer")
BROKEN_WORKFLOW = "station"


def install(node):
    """Once per build folder; whoever comes at the same time waits."""
    node.mkdir(parents=True, exist_ok=True)
    with open(node / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = node / "installed"
        if done.exists() and done.read_text(encoding="ascii") == " ".join(PACKAGES):
            return 0
        subprocess.run(
            ["npm", "install", "--prefix", node, "--ignore-scripts", "--no-save", "--no-package-lock",
             "--no-audit", "--no-fund", "--loglevel=error", *PACKAGES],
            check=True, timeout=TIMEOUT_S)
        done.write_text(" ".join(PACKAGES), encoding="ascii")
    return 0


def redocly(node, *words):
    """The exit code, and what it said."""
    environment = os.environ | {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true",
                                "NO_COLOR": "1", "CI": "true"}
    done = subprocess.run([node / "node_modules" / ".bin" / "redocly", *words], check=False,
                          timeout=TIMEOUT_S, env=environment, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    return done.returncode, done.stdout.decode(errors="replace")


def broken(text, how):
    changed, count = re.subn(how[0], how[1], text, count=1)
    if count != 1:
        raise LookupError(f"the contract has nothing like {how[0]!r} to break; say what else")
    return changed


def lint(node, contract):
    code, said = redocly(node, "lint", "--extends", "recommended", contract)
    print(said)
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder) / "openapi.yaml"
        copy.write_text(broken(contract.read_text(encoding="utf-8"), BROKEN_FOR_LINT))
        if redocly(node, "lint", "--extends", "recommended", copy)[0] == 0:
            print("WRONG: lint finds nothing in a contract with an operationId twice")
            return 1
    return code


class Story:
    def __init__(self, node, contract, factory):
        self._node = node
        self._factory = factory
        self._folder = factory.folder / "story"
        self._folder.mkdir()
        shutil.copy(HERE / STORY, self._folder)
        # Respect looks media types up without their parameters.
        self._contract = re.sub(r"^( +[a-z]+/[a-z+-]+);[^:]*:$", r"\1:",
                                contract.read_text(encoding="utf-8"), flags=re.MULTILINE)

    def tell(self, workflow, how=None):
        """Runs the workflow with its role's certificate; how: the contract is broken like this."""
        text = broken(self._contract, how) if how else self._contract
        (self._folder / "openapi.yaml").write_text(text, encoding="utf-8")
        env = self._factory.env
        name = ENV_NAMES.get(workflow, workflow.upper())
        inputs = {"product": env["RIG_PRODUCT"], "image": env["RIG_IMAGE"],
                  "governed": env["RIG_GOVERNED_PRODUCT"], "chain": self._factory.device(),
                  "other_chain": self._factory.device()}
        return redocly(self._node, "respect", self._folder / STORY, "--workflow", workflow,
                       "--server", f"provisiond={env['RIG_URL']}", "--input", json.dumps(inputs),
                       "--client-cert", env[f"RIG_{name}_CERT"], "--client-key",
                       env[f"RIG_{name}_KEY"], "--ca-cert", env["RIG_CA"])


def respect(node, contract, rig):
    wrong = 0
    with Factory(rig) as factory:
        story = Story(node, contract, factory)
        for workflow in WORKFLOWS:
            code, said = story.tell(workflow)
            print(said)
            wrong += code != 0
        code, said = story.tell(BROKEN_WORKFLOW, BROKEN_FOR_RESPECT)
        is_seen = code != 0 and "schema check" in said
        print(f"a contract with another type of license_id: {'seen' if is_seen else said}")
        wrong += not is_seen
    print(f"{len(WORKFLOWS)} workflows, {wrong} complaints")
    return wrong != 0


def main(words):
    paths = [pathlib.Path(word) for word in words[1:]]
    commands = {("install", 1): install, ("lint", 2): lint, ("respect", 3): respect}
    command = commands.get((words[0] if words else "", len(paths)))
    if command is None:
        print(__doc__.splitlines()[0], file=sys.stderr)
        return 64
    return command(*paths)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
