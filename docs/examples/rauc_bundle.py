#!/usr/bin/env python3
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
"""RAUC bundles in the format crypt, with the signed manifest encrypted for one device.

  rauc_bundle.py split BUNDLE PAYLOAD MANIFEST    at home: what `rauc bundle` made, in its two parts
  rauc_bundle.py join PAYLOAD IMAGE LICENSE BUNDLE    at the station: the bundle of one device

A bundle is its payload (encrypted, the same for all devices), then the signed manifest, which holds
the payload's key, then the length of that in 8 bytes. MANIFEST is what `provctl image encrypt
--content aes-256-cbc` takes; IMAGE is what comes of it. docs/profiles/rauc.md tells the whole way.
"""
import os
import shutil
import sys

LENGTH_BYTES = 8
MANIFEST_MAX = 64 * 1024  # RAUC reads no larger one
LICENSE_MAX = 4096
SEQUENCE, EXPLICIT_0, IMPLICIT_0 = 0x30, 0xA0, 0x80
ENVELOPED_DATA = bytes.fromhex("06092a864886f70d010703")


def element(data):
    """Tag, content, and what follows of the first DER element."""
    if len(data) < 2:
        raise ValueError("it is cut off")
    length, head = data[1], 2
    if length >= 0x80:
        head += length & 0x7F
        length = int.from_bytes(data[2:head], "big")
    if len(data) < head + length:
        raise ValueError("it is cut off")
    return data[0], data[head:head + length], data[head + length:]


def inside(data, tag):
    found, content, rest = element(data)
    if found != tag or rest:
        raise ValueError("it is no license of the form aes-256-cbc")
    return content


def encode(tag, content):
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    size = (length.bit_length() + 7) // 8
    return bytes([tag, 0x80 | size]) + length.to_bytes(size, "big") + content


def envelope(license, image):
    """The license's EnvelopedData with the image in it, as encryptedContent (RFC 5652 section 6.1)."""
    content = inside(license, SEQUENCE)
    if not content.startswith(ENVELOPED_DATA):
        raise ValueError("it is no EnvelopedData: encrypt the manifest with --content aes-256-cbc")
    fields = inside(inside(content[len(ENVELOPED_DATA):], EXPLICIT_0), SEQUENCE)
    rest = element(element(fields)[2])[2]  # behind version and recipientInfos
    encrypted = inside(rest, SEQUENCE) + encode(IMPLICIT_0, image)
    enveloped = fields[:len(fields) - len(rest)] + encode(SEQUENCE, encrypted)
    return encode(SEQUENCE, ENVELOPED_DATA + encode(EXPLICIT_0, encode(SEQUENCE, enveloped)))


def read(path, limit):
    with open(path, "rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise ValueError(f"{path} has more than {limit} bytes")
    return data


def split(bundle, payload, manifest):
    end = os.path.getsize(bundle) - LENGTH_BYTES
    with open(bundle, "rb") as source:
        source.seek(max(end, 0))
        length = int.from_bytes(source.read(LENGTH_BYTES), "big")
        if not 0 < length <= min(MANIFEST_MAX, end):
            raise ValueError(f"{bundle} is no bundle")
        source.seek(end - length)
        signed = source.read(length)
    with open(manifest, "wb", opener=private) as file:
        file.write(signed)
    shutil.copyfile(bundle, payload)
    os.truncate(payload, end - length)


def private(path, flags):
    """The manifest holds the payload's key."""
    return os.open(path, flags, 0o600)


def join(payload, image, license, bundle):
    parts = read(license, LICENSE_MAX), read(image, MANIFEST_MAX)
    try:
        manifest = envelope(*parts)
    except ValueError as error:
        raise ValueError(f"{license}: {error}") from error
    shutil.copyfile(payload, bundle)
    with open(bundle, "ab") as file:
        file.write(manifest + len(manifest).to_bytes(LENGTH_BYTES, "big"))


WORDS = {"split": (split, 3), "join": (join, 4)}


def main(arguments):
    word, count = WORDS.get(arguments[0] if arguments else "", (None, 0))
    if word is None or len(arguments) != 1 + count:
        print(__doc__, file=sys.stderr)
        return 64
    try:
        word(*arguments[1:])
    except (ValueError, OSError) as error:
        print(f"rauc_bundle.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
