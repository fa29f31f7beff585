#!/usr/bin/env python3
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
"""follow_keys.py EXPORT KEY: follows the checkpoint's keys of an exported journal.

KEY is the first checkpoint key (PEM). Reads the file as docs/JOURNAL.md describes it, checks each
statement of a checkpoint-key-rotated leaf with the key before it, and the checkpoint with the key
that signs heads of its size. The signatures are judged by the openssl command; no code is shared
with the services. Prints how many keys there are; exits 1 with the reason otherwise.
"""
import base64
import hashlib
import json
import subprocess
import sys
import tempfile


def need(condition, reason):
    if not condition:
        sys.exit("follow_keys.py: " + reason)


def sha256(data):
    return hashlib.sha256(data).digest()


def openssl(*arguments, data=b""):
    return subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=False)


def der_of(pem):
    made = openssl("pkey", "-pubin", "-in", pem, "-outform", "DER")
    need(made.returncode == 0, "this is no public key")
    return made.stdout


def verifies(spki, text, signature):
    with tempfile.NamedTemporaryFile() as key, tempfile.NamedTemporaryFile() as proof:
        key.write(spki)
        key.flush()
        proof.write(signature)
        proof.flush()
        made = openssl("dgst", "-sha256", "-keyform", "DER", "-verify", key.name, "-signature",
                       proof.name, data=text)
    return made.returncode == 0


def base64_of(data):
    return base64.b64encode(data).decode()


def follow(leaves, origin, first):
    """The keys, each with the index of the leaf that it begins behind."""
    keys = [(-1, first)]
    for index, entry in enumerate(leaves):
        leaf = json.loads(entry)
        if leaf["type"] != "checkpoint-key-rotated":
            continue
        new = base64.b64decode(leaf["new"], validate=True)
        old = keys[-1][1]
        need(leaf["generation"] == len(keys) + 1, "leaf %d skips a key" % index)
        need(bytes.fromhex(leaf["old"]) == sha256(old), "leaf %d is of another key" % index)
        need(all(new != key for _, key in keys), "leaf %d brings a key again" % index)
        statement = "provisiond-key/1 %s\n%d\n%s\n%s\n" % (
            origin, leaf["generation"], base64_of(sha256(old)), base64_of(sha256(new)))
        signature = base64.b64decode(leaf["signature"], validate=True)
        need(verifies(old, statement.encode(), signature), "leaf %d is not signed" % index)
        keys.append((index, new))
    return keys


def check_note(note, keys):
    body, lines = note.split("\n\n", 1)
    origin, size, _ = body.split("\n")
    key = [key for index, key in keys if index < int(size)][-1]
    found = False
    for line in lines.splitlines():
        _, name, text = line.split(" ")
        blob = base64.b64decode(text, validate=True)
        if name == origin and blob[:4] == sha256(key)[:4]:
            need(verifies(key, (body + "\n").encode(), blob[4:]), "the checkpoint is not signed")
            found = True
    need(found, "the checkpoint is signed by another key than the one that signs now")


def main(path, pem):
    with open(path, "rb") as file:
        lines = file.read().split(b"\n")
    need(lines[0] == b"provisiond-journal/1" and lines[-1] == b"", "this is no exported journal")
    header = json.loads(lines[1])
    leaves = lines[2 + header["documents"] : -1]
    need(len(leaves) == header["leaves"], "leaves are missing")
    first = der_of(pem)
    bound = [leaf for leaf in map(json.loads, leaves) if leaf["type"] == "initialised"]
    need(bound and bytes.fromhex(bound[0]["hsm"]) == sha256(first), "this is another HSM's key")
    keys = follow(leaves, header["checkpoint"].split("\n", 1)[0], first)
    check_note(header["checkpoint"], keys)
    print(len(keys))


main(*sys.argv[1:3])
