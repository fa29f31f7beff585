#!/usr/bin/python3
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
"""bodies.py clear FOLDER | bodies.py judge FOLDER OPENAPI.yaml

What the end-to-end tests sent and got (rig/exchange.h keeps it when PROVISIOND_EXCHANGES names
FOLDER), each exchange held against the contract: the answer's status, headers and body, and
whether the schema of the request agrees with what the server made of it.
"""

import collections
import json
import pathlib
import sys

from contract import Contract
from judge import Judge, from_record

SHOWN_MAX = 40


def clear(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for file in folder.glob("*.jsonl"):
        file.unlink()


def exchanges(folder):
    for file in sorted(folder.glob("*.jsonl")):
        with open(file, encoding="utf-8") as lines:
            for line in lines:
                yield from_record(json.loads(line))


def judge(folder, contract):
    the_judge = Judge(contract)
    seen = collections.Counter()
    wrong = collections.Counter()
    for exchange in exchanges(folder):
        op, _ = contract.find(exchange.method, exchange.path)
        name = op.id if op else "(no operation)"
        seen[name, exchange.status] += 1
        for complaint in the_judge.complaints(exchange):
            wrong[f"{name} {exchange.method[:20]} {exchange.target[:100]}: {complaint}"] += 1
    for (name, status), count in sorted(seen.items()):
        print(f"{count:6}  {status}  {name}")
    for complaint, count in wrong.most_common(SHOWN_MAX):
        print(f"WRONG ({count}): {complaint}")
    print(f"{sum(seen.values())} exchanges, {sum(wrong.values())} complaints")
    if not seen:
        print("nothing was recorded: does anything that sends keep its exchanges (rig/exchange.h)?")
    return not seen or bool(wrong)


def main(words):
    if len(words) == 2 and words[0] == "clear":
        clear(pathlib.Path(words[1]))
        return 0
    if len(words) == 3 and words[0] == "judge":
        return judge(pathlib.Path(words[1]), Contract(words[2]))
    print(__doc__.splitlines()[0], file=sys.stderr)
    return 64


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
