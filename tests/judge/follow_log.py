#!/usr/bin/env python3
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
"""follow_log.py URL CA CERT KEY: follows a journal over HTTPS as any tlog-tiles client would.

Fetches the checkpoint, all entry bundles and all hash tiles that it covers, recomputes the root from
the entries alone, and compares each tile with its own hashes. Shares no code with the services; the
formats are those of C2SP tlog-checkpoint and tlog-tiles, and RFC 6962. Prints the number of leaves.
"""
import base64
import hashlib
import ssl
import sys
import urllib.request

WIDTH = 256


def leaf_hash(entry):
    return hashlib.sha256(b"\0" + entry).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def root(hashes):
    """Merkle tree hash of RFC 6962, section 2.1, over hashes of leaves (or of equal subtrees)."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return node_hash(root(hashes[:split]), root(hashes[split:]))


def tile_path(number):
    groups = ["%03d" % (number % 1000)]
    while number >= 1000:
        number //= 1000
        groups.insert(0, "x%03d" % (number % 1000))
    return "/".join(groups)


class Log:
    def __init__(self, url, ca, cert, key):
        context = ssl.create_default_context(cafile=ca)
        context.load_cert_chain(cert, key)
        self.opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context))
        self.url = url

    def get(self, path):
        with self.opener.open(self.url + "/v1/journal/" + path, timeout=20) as answer:
            return answer.read()

    def tile(self, kind, number, count):
        """The number-th tile of a kind, of which count elements exist in all."""
        width = min(WIDTH, count - number * WIDTH)
        suffix = "" if width == WIDTH else ".p/%d" % width
        return self.get("tile/%s/%s%s" % (kind, tile_path(number), suffix))

    def entries(self, size):
        for number in range((size + WIDTH - 1) // WIDTH):
            bundle = self.tile("entries", number, size)
            while bundle:
                length = int.from_bytes(bundle[:2], "big")
                yield bundle[2 : 2 + length]
                bundle = bundle[2 + length :]

    def hashes(self, level, count):
        data = b"".join(
            self.tile(str(level), number, count) for number in range((count + WIDTH - 1) // WIDTH)
        )
        return [data[i : i + 32] for i in range(0, len(data), 32)]


def main():
    log = Log(*sys.argv[1:5])
    lines = log.get("checkpoint").decode().split("\n")
    size, expected = int(lines[1]), base64.b64decode(lines[2], validate=True)
    level_hashes = [leaf_hash(entry) for entry in log.entries(size)]
    assert len(level_hashes) == size, "the bundles hold %d entries" % len(level_hashes)
    assert root(level_hashes) == expected, "the entries do not give the checkpoint's root"
    level = 0
    while level_hashes:
        assert log.hashes(level, len(level_hashes)) == level_hashes, "tiles of level %d" % level
        full = len(level_hashes) // WIDTH
        level_hashes = [root(level_hashes[i * WIDTH : (i + 1) * WIDTH]) for i in range(full)]
        level += 1
    print(size)


main()
