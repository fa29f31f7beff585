#!/usr/bin/python3
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
"""bad_input.py OPENAPI.yaml RIG-DIR

Each JSON body and each query of the contract, made wrong in every way that its schema knows: an
unknown member, one twice, one missing, each of another type, too long, too large. All are 400 with
the place as `path`. Then bodies with random bytes changed: schema and server must agree about them.
"""

import os
import random
import sys

from contract import CERTIFICATE, PUBLIC, Contract
from factory import Factory, Samples
from judge import IGNORES_QUERY, Judge
from mutate import Mutations
from schema import NotStrict, parse

RANDOM_SHORT, RANDOM_LONG = 300, 20000
SHOWN_MAX = 40
SEED = 5


class BadInput:
    def __init__(self, contract, factory):
        self._judge = Judge(contract)
        self._mutations = Mutations(contract)
        self._samples = Samples(factory)
        self._factory = factory
        self._clients = {}
        self.asked = 0
        self.complaints = []

    def _client(self, op):
        role = "station" if op.roles[0] in (CERTIFICATE, PUBLIC) else op.roles[0]
        if role not in self._clients:
            self._clients[role] = self._factory.of_role(role)
        return self._clients[role]

    def _refused(self, op, wrong, exchange):
        self.asked += 1
        found = self._judge.complaints(exchange)
        path = exchange.problem().get("path")
        places = {wrong.path} | self._places_of_a_parser(wrong)
        if exchange.status == 413 and wrong.may_be_too_large:
            places.add(path)
        elif exchange.status != 400:
            found.append(f"{exchange.status} instead of 400")
        if path not in places:
            found.append(f"path {path} instead of {wrong.path}")
        self.complaints += [f"{op.id}: {wrong.what}: {f}" for f in found]

    def _places_of_a_parser(self, wrong):
        """Of a character or a number that no JSON text may have, its parser may not say where."""
        try:
            parse(wrong.data if isinstance(wrong.data, bytes) else b"{}")
        except NotStrict:
            return set() if wrong.what.endswith("twice") else {"$"}
        return set()

    def bodies(self, op):
        schema = op.request["application/json"]["schema"]
        right, media_type = self._samples.body(op)
        target = self._samples.target(op)
        for wrong in self._mutations.of_body(schema, parse(right)):
            exchange = self._client(op).send(op.method, target, wrong.data, media_type)
            self._refused(op, wrong, exchange)

    def queries(self, op):
        body, media_type = self._samples.body(op)
        ignores_unknown = op.path.startswith(IGNORES_QUERY)
        for wrong in self._mutations.of_query(op, ignores_unknown):
            target = f"{self._samples.target(op)}?{wrong.data}"
            exchange = self._client(op).send(op.method, target, body, media_type)
            wrong.what = f"?{wrong.data[:80]} ({wrong.what})"
            if op.method == "HEAD":
                self.asked += 1
                self.complaints += [f"{op.id}: {wrong.what}: {f}"
                                    for f in self._judge.complaints(exchange)]
            else:
                self._refused(op, wrong, exchange)

    def at_random(self, op, source, count):
        right, media_type = self._samples.body(op)
        target = self._samples.target(op)
        for _ in range(count):
            data = bytearray(right)
            for _ in range(source.choice((1, 1, 2, 8))):
                at = source.randrange(len(data))
                data[at : at + source.choice((0, 1, 1, 3))] = bytes(
                    source.choice((source.randrange(256), source.choice(b'{}[]",:\\0a')))
                    for _ in range(source.choice((0, 1, 1, 2)))
                )
            exchange = self._client(op).send(op.method, target, bytes(data), media_type)
            self.asked += 1
            self.complaints += [f"{op.id}: {bytes(data[:400])!r}: {f}"
                                for f in self._judge.complaints(exchange)]


def main(words):
    if len(words) != 2:
        print(__doc__.splitlines()[0], file=sys.stderr)
        return 64
    contract = Contract(words[0])
    is_long = os.environ.get("PROVISIOND_TEST_SIZES") == "long"
    count = RANDOM_LONG if is_long else RANDOM_SHORT
    print(f"size: bodies of each operation with random bytes: {count} (full: {RANDOM_LONG})")
    source = random.Random(SEED)
    with Factory(words[1]) as factory:
        bad = BadInput(contract, factory)
        for op in contract.operations:
            before = bad.asked
            bad.queries(op)
            if "application/json" in op.request:
                bad.bodies(op)
                bad.at_random(op, source, count)
            print(f"{bad.asked - before:6}  {op.id}")
    for complaint in bad.complaints[:SHOWN_MAX]:
        print(f"WRONG: {complaint}")
    print(f"{bad.asked} requests, {len(bad.complaints)} complaints")
    return bool(bad.complaints)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
