#!/usr/bin/env python3
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
#
# spoil_keys.py FILE FOLDER: writes FILE's session keys (provctl standby export) into FOLDER again and
# again, each time with one member of the header or of the first image altered, in the one form that
# the reader takes and with the right SHA-256 at the end: what is left is what the keys are bound to.
import hashlib
import json
import sys

MAGIC = "provisiond-session-keys/1"


def flip(text):
    """Another hex digit in the middle."""
    at = len(text) // 2
    return text[:at] + ("0" if text[at] != "0" else "1") + text[at + 1:]


def write(path, header, images):
    lines = [MAGIC] + [json.dumps(line, separators=(",", ":"), sort_keys=True)
                       for line in [header] + images]
    text = "".join(line + "\n" for line in lines)
    with open(path, "w", encoding="ascii") as out:
        out.write(text + hashlib.sha256(text.encode()).hexdigest() + "\n")


def main():
    with open(sys.argv[1], encoding="ascii") as file:
        lines = file.read().splitlines()
    header = json.loads(lines[1])
    images = [json.loads(line) for line in lines[2:-1]]
    write(f"{sys.argv[2]}/same", header, images)
    for name, value in [("hsm", flip(header["hsm"])), ("made_unix_ms", header["made_unix_ms"] + 1)]:
        write(f"{sys.argv[2]}/header-{name}", {**header, name: value}, images)
    more = {**header, "images": header["images"] + 1}
    write(f"{sys.argv[2]}/header-images", more, images + images[:1])
    first = images[0]
    altered = {
        "alias": "altered", "created_unix_ms": first["created_unix_ms"] + 1,
        "enabled": not first["enabled"], "label": first["label"] + "!", "size": first["size"] + 1,
        "iv": flip(first["iv"]), "tag": flip(first["tag"]), "key": flip(first["key"]),
        "image": images[1]["image"], "point": images[1]["point"],
    }
    for name, value in altered.items():
        write(f"{sys.argv[2]}/image-{name}", header, [{**first, name: value}] + images[1:])


main()
