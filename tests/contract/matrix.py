#!/usr/bin/python3
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
"""matrix.py OPENAPI.yaml ROUTES RIG-DIR

Every operation of the contract, called by everybody: each role, and those whom no role covers. Who
x-roles names succeeds; everybody else is told why not; each answer is held against the file. ROUTES
is the program that prints the server's route table (routes.c): no route is without an operation, no
operation without a route, and none without a row here.
"""

import os
import subprocess
import sys
from dataclasses import dataclass, replace

from contract import CERTIFICATE, PUBLIC, ROLES, Contract, route_of
from factory import Factory, Samples
from judge import Judge

UNAUTHENTICATED = ("expired", "foreign", "none")
REFUSED = {"unenrolled": "principal-unknown", "disabled": "principal-disabled"}
ROUNDS_LONG = 20  # with PROVISIOND_TEST_SIZES=long


@dataclass
class Expected:
    status: int  # 200 stands for any success
    check: str = None


def expected(op, caller):
    if PUBLIC in op.roles:
        return Expected(200)
    if caller in UNAUTHENTICATED:
        return Expected(401)
    if CERTIFICATE in op.roles or caller in op.roles:
        return Expected(200)
    return Expected(403, REFUSED.get(caller, "role-not-allowed"))


def compare_routes(contract, program):
    """The server's table against the file: routes, their names, who may come, and what with."""
    lines = subprocess.run([program], capture_output=True, check=True, text=True).stdout.splitlines()
    table = {}
    for line in lines:
        method, pattern, name, access, *media_types = line.split()
        table[route_of(method, pattern)] = (name, access, set(media_types))
    file = {op.route: op for op in contract.operations}
    for route in table.keys() - file.keys():
        yield f"{route}: the server has it, the file has not"
    for route, op in file.items():
        if route not in table:
            # A GET route serves HEAD.
            if op.method != "HEAD" or route_of("GET", op.path) not in table:
                yield f"{route}: the file has it, the server has not"
            continue
        wanted = (op.id, PUBLIC if PUBLIC in op.roles else CERTIFICATE, set(op.request))
        if table[route] != wanted:
            yield f"{route}: {table[route]} in the server, {wanted} in the file"


def operations(contract):
    """Those of the file, and HEAD of each GET for which it lists none."""
    listed = {op.route for op in contract.operations}
    for op in contract.operations:
        yield op
        if op.method == "GET" and route_of("HEAD", op.path) not in listed:
            yield replace(op, method="HEAD")


def wrong_with(wanted, exchange):
    if wanted.status == 200:
        if not 200 <= exchange.status < 300:
            yield f"{exchange.status} {exchange.body[:300]!r} instead of success"
        return
    if exchange.status != wanted.status:
        yield f"{exchange.status} instead of {wanted.status}"
    elif exchange.method != "HEAD" and exchange.problem().get("check") != wanted.check:
        yield f"check {exchange.problem().get('check')} instead of {wanted.check}"


class Matrix:
    def __init__(self, contract, factory):
        self._judge = Judge(contract)
        self._samples = Samples(factory)
        self._callers = factory.callers()
        self.asked = 0
        self.complaints = []

    def run(self, op):
        cells = [self._ask(op, caller) for caller in self._callers]
        print(f"{op.method:5}{op.path[:44]:45}" + "".join(f"{cell:>7}" for cell in cells))

    def _ask(self, op, caller):
        body, media_type = self._samples.body(op)
        target = self._samples.target(op)
        exchange = self._callers[caller].send(op.method, target, body, media_type)
        found = list(wrong_with(expected(op, caller), exchange)) + self._judge.complaints(exchange)
        self.complaints += [f"{op.id} ({op.method}) as {caller}: {f}" for f in found]
        self.asked += 1
        return f"{exchange.status}{'!' if found else ''}"

    def head(self):
        print(f"{'':50}" + "".join(f"{caller[:6]:>7}" for caller in self._callers))


def main(words):
    if len(words) != 3:
        print(__doc__.splitlines()[0], file=sys.stderr)
        return 64
    contract = Contract(words[0])
    complaints = list(contract.complaints()) + list(compare_routes(contract, words[1]))
    rounds = ROUNDS_LONG if os.environ.get("PROVISIOND_TEST_SIZES") == "long" else 1
    print(f"size: rounds of the contract's matrix: {rounds} (full: {ROUNDS_LONG})")
    with Factory(words[2]) as factory:
        matrix = Matrix(contract, factory)
        matrix.head()
        for _ in range(rounds):
            for op in operations(contract):
                matrix.run(op)
    complaints += matrix.complaints
    for complaint in complaints:
        print(f"WRONG: {complaint}")
    print(f"{len(contract.operations)} operations, {matrix.asked} requests, "
          f"{len(ROLES)} roles, {len(complaints)} complaints")
    return bool(complaints)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
