#!/usr/bin/python3
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
"""Boots an image of MCUboot as its loader would, from the published layout and with nothing of ours.

  open_mcuboot.py IMAGE KEY SIGNER CLEAR

KEY is the device's private key and SIGNER the public key of who signed, both PEM (P-256). The image
must be nothing but header, payload and TLV areas; the TLV of the session key must be there once and
open with KEY; hash, key hash and signature must be those of the clear image. CLEAR is then what was
signed: the image with its payload in clear, up to its last area. Exit status 1: it does not boot.
"""
import hashlib
import struct
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from open_license import Refused, load_key, mcuboot_key, open_ctr, read, require

HEADER = struct.Struct("<IIHHII")  # magic, load address, header, protected TLVs, image, flags
MAGIC, AREA, PROTECTED = 0x96F3B83D, 0x6907, 0x6908
AES128, AES256 = 0x4, 0x8
HASH, KEY_HASH, SIGNATURE = 0x10, 0x01, 0x22


def area(data, offset, magic):
    """Its TLVs, and where it ends."""
    require(len(data) >= offset + 4, "area")
    found, length = struct.unpack_from("<HH", data, offset)
    require(found == magic and length >= 4 and offset + length <= len(data), "area")
    tlvs, at, end = [], offset + 4, offset + length
    while at < end:
        require(at + 4 <= end, "TLV")
        kind, size = struct.unpack_from("<HH", data, at)
        require(at + 4 + size <= end, "TLV")
        tlvs.append((kind, data[at + 4:at + 4 + size]))
        at += 4 + size
    return tlvs, end


def only(tlvs, kind):
    bodies = [body for found, body in tlvs if found == kind]
    require(len(bodies) == 1, "TLV %#x" % kind)
    return bodies[0]


def boot(image, key, signer):
    require(len(image) >= 32, "header")
    magic, _, header, protected, size, flags = HEADER.unpack_from(image)
    require(magic == MAGIC and header >= 32 and flags & (AES128 | AES256), "header")
    end = header + size
    if protected:
        _, after = area(image, end, PROTECTED)
        require(after == end + protected, "protected area")
    tlvs, after = area(image, end + protected, AREA)
    require(after == len(image), "bytes behind the image")
    require([kind for kind, _ in tlvs if 0x30 <= kind <= 0x34] == [0x32], "one session key")
    session = mcuboot_key(0x32, key, only(tlvs, 0x32))
    require(len(session) == (32 if flags & AES256 else 16), "key length")
    payload = open_ctr(session, bytes(16), image[header:end])
    clear = image[:header] + payload + image[end:end + protected]
    require(hashlib.sha256(clear).digest() == only(tlvs, HASH), "hash")
    public = signer.public_bytes(serialization.Encoding.DER,
                                 serialization.PublicFormat.SubjectPublicKeyInfo)
    require(hashlib.sha256(public).digest() == only(tlvs, KEY_HASH), "key hash")
    signer.verify(only(tlvs, SIGNATURE), clear, ec.ECDSA(hashes.SHA256()))
    return clear


def main(arguments):
    image, key, signer, clear = arguments
    try:
        booted = boot(read(image), load_key(key), serialization.load_pem_public_key(read(signer)))
    except (Refused, InvalidSignature, ValueError) as error:
        print("it does not boot: %r" % error, file=sys.stderr)
        return 1
    with open(clear, "wb") as file:
        file.write(booted)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
