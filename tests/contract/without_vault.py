#!/usr/bin/python3
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
"""without_vault.py OPENAPI.yaml RIG-DIR

Every operation of the contract once more, while the vault is down: what provisiond knows by itself it
answers, everything else is 503 vault-unavailable with a Retry-After, whoever asks; and each answer is
held against the file. Stops the rig's vault and leaves it so.
"""

import os
import pathlib
import signal
import sys
import time

from contract import PUBLIC, Contract
from factory import Factory, Samples
from judge import Judge
from matrix import UNAUTHENTICATED, operations
from schema import parse

STOP_TIMEOUT_S = 20


def stop_vault(rig):
    pid = int((pathlib.Path(rig) / "provision-vault.pid").read_text(encoding="ascii"))
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while is_running(pid):
        if time.monotonic() > deadline:
            raise RuntimeError("the vault does not stop")
        time.sleep(0.05)


def is_running(pid):
    """Whoever started the rig may not have reaped it."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def wrong_problem(exchange):
    problem = exchange.problem()
    if exchange.status != 503:
        yield f"{exchange.status} instead of 503"
    elif exchange.header("retry-after") is None:
        yield "503 without Retry-After"
    elif exchange.method != "HEAD" and problem.get("type") != "/problems/vault-unavailable":
        yield f"{problem.get('type')} instead of vault-unavailable"


def wrong_ready(exchange):
    if exchange.status != 503:
        yield f"{exchange.status} instead of 503"
    elif exchange.method != "HEAD":
        ready = parse(exchange.body)
        if ready["checks"]["vault"] != "vault-unavailable" or not ready.get("detail"):
            yield f"{ready} does not say that the vault is down"


def wrong_metrics(exchange):
    if exchange.status != 200:
        yield f"{exchange.status} instead of 200"
    elif exchange.method != "HEAD" and b"\nprovisiond_vault_up 0\n" not in exchange.body:
        yield "no provisiond_vault_up 0"


def wrong_own(exchange):
    if exchange.status != 200:
        yield f"{exchange.status} instead of 200: provisiond knows this by itself"


OWN = {
    "readLive": wrong_own,
    "readProblem": wrong_own,
    "readReady": wrong_ready,
    "readMetrics": wrong_metrics,
}


def wrong_with(op, caller, exchange):
    if caller in UNAUTHENTICATED and PUBLIC not in op.roles:
        if exchange.status != 401:
            yield f"{exchange.status} instead of 401"
        return
    yield from OWN.get(op.id, wrong_problem)(exchange)


class WithoutVault:
    def __init__(self, contract, factory):
        self._judge = Judge(contract)
        self._callers = factory.callers()
        samples = Samples(factory)
        # All are made while there is a vault.
        self._requests = [(op, samples.target(op), samples.body(op)) for op in operations(contract)]
        self.complaints = []
        self.asked = 0

    def run(self):
        for op, target, body in self._requests:
            for caller in self._callers:
                self._ask(op, target, body, caller)

    def _ask(self, op, target, body, caller):
        exchange = self._callers[caller].send(op.method, target, *body)
        found = list(wrong_with(op, caller, exchange)) + self._judge.complaints(exchange)
        self.complaints += [f"{op.id} ({op.method}) as {caller}: {f}" for f in found]
        self.asked += 1


def main(words):
    if len(words) != 2:
        print(__doc__.splitlines()[0], file=sys.stderr)
        return 64
    with Factory(words[1]) as factory:
        without = WithoutVault(Contract(words[0]), factory)
        stop_vault(words[1])
        without.run()
    for complaint in without.complaints:
        print(f"WRONG: {complaint}")
    print(f"{without.asked} requests without a vault, {len(without.complaints)} complaints")
    return bool(without.complaints)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
