#!/usr/bin/env python3
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
#
# spoil_package.py FILE FOLDER [MEMBER VALUE]: writes the package FILE (provctl image seal) into FOLDER,
# which it makes, again and again, each time with one member of the head altered, in the one form
# that the reader takes and with the right SHA-256: what is left is what the key is bound to. With
# MEMBER only that one, with that value.
import hashlib
import json
import os
import sys

# The base point of P-256: a point, and not the one that was made.
POINT = ("046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
         "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5")


def flip(text):
    """Another hex digit in the middle."""
    at = len(text) // 2
    return text[:at] + ("0" if text[at] != "0" else "1") + text[at + 1:]


def write(path, magic, head, image):
    text = magic + b"\n" + json.dumps(head, sort_keys=True, separators=(",", ":")).encode() + b"\n"
    with open(path, "wb") as out:
        out.write(text + hashlib.sha256(text).hexdigest().encode() + b"\n" + image)


def main():
    with open(sys.argv[1], "rb") as file:
        magic, line, _, image = file.read().split(b"\n", 3)
    head = json.loads(line)
    altered = {
        "authorities": "" if head["authorities"] else 32 * "5a",
        "content": "aes-256-cbc", "image": flip(head["image"]), "iv": flip(head["iv"]),
        "key": flip(head["key"]), "label": head["label"] + "!", "point": POINT, "product": "twin",
        "made_unix_ms": head["made_unix_ms"] + 1, "profile": "jwe", "size": head["size"] + 1,
        "tag": flip(head["tag"]), "transport_key": flip(head["transport_key"]),
    }
    os.makedirs(sys.argv[2], exist_ok=True)
    if len(sys.argv) > 3:
        name, value = sys.argv[3:5]
        altered = {name: int(value) if isinstance(head[name], int) else value}
    else:
        write(f"{sys.argv[2]}/same", magic, head, image)
    for name, value in altered.items():
        write(f"{sys.argv[2]}/{name}", magic, {**head, name: value}, image)


main()
