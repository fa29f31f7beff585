#!/usr/bin/env python3
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
"""root_of_export.py EXPORT: recomputes the Merkle root of an exported journal.

Reads the file as docs/JOURNAL.md describes it, hashes its leaves by RFC 6962, section 2.1, and
compares size and root with the checkpoint in the header. Signatures are not checked. Shares no code
with the services. Prints the number of leaves and the root; exits 1 with the reason otherwise.
"""
import base64
import hashlib
import json
import sys


def node_hash(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


class Tree:
    """The roots of the complete subtrees so far, the largest first."""

    def __init__(self):
        self.size = 0
        self.roots = []

    def add(self, entry):
        root = hashlib.sha256(b"\0" + entry).digest()
        carry = self.size
        while carry & 1:
            root = node_hash(self.roots.pop(), root)
            carry >>= 1
        self.roots.append(root)
        self.size += 1

    def root(self):
        if not self.roots:
            return hashlib.sha256(b"").digest()
        root = self.roots[-1]
        for left in reversed(self.roots[:-1]):
            root = node_hash(left, root)
        return root


def need(condition, reason):
    if not condition:
        sys.exit("root_of_export.py: " + reason)


def read_lines(file):
    for line in file:
        need(line.endswith(b"\n"), "the last line is cut")
        yield line[:-1]


def read_header(lines):
    need(next(lines, None) == b"provisiond-journal/1", "this is no exported journal")
    return json.loads(next(lines, b"null"))


def read_checkpoint(note):
    origin, size, root = note.split("\n\n", 1)[0].split("\n")
    need(origin and size == str(int(size)), "the checkpoint is malformed")
    return int(size), base64.b64decode(root, validate=True)


def main(path):
    tree = Tree()
    with open(path, "rb") as file:
        lines = read_lines(file)
        header = read_header(lines)
        for _ in range(header["documents"]):
            need(next(lines, None), "a document is missing")
        for entry in lines:
            tree.add(entry)
    size, root = read_checkpoint(header["checkpoint"])
    need(tree.size == header["leaves"], "the header says %d leaves" % header["leaves"])
    need(tree.size == size, "the checkpoint has %d leaves, the file %d" % (size, tree.size))
    need(tree.root() == root, "the leaves do not have the checkpoint's root")
    print(size, root.hex())


main(sys.argv[1])
