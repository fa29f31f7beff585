#!/usr/bin/python3
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
"""memory_holds.py PID FILE: exit 0 when the process's writable memory holds what is in FILE."""

import sys


def regions(pid):
    with open(f"/proc/{pid}/maps", encoding="ascii", errors="replace") as maps:
        for line in maps:
            span, mode = line.split()[:2]
            if mode.startswith("rw"):
                yield [int(end, 16) for end in span.split("-")]


def main(pid, path):
    with open(path, "rb") as file:
        wanted = file.read()
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for first, last in regions(pid):
            try:
                memory.seek(first)
                if wanted in memory.read(last - first):
                    return 0
            except OSError:
                continue  # a guard page
    return 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2]))
