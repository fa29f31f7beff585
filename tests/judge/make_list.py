# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
"""Makes lists of devices as a maker's tools would, with nothing of ours (docs/device-lists.md).

  make_list.py manifest SIGNER-KEY OUT SERIAL=PUBLIC-KEY... [--kid KID] [--spoil N:WHAT]
  make_list.py plain PRODUCT OUT SERIAL=PUBLIC-KEY...
  make_list.py many SIGNER-KEY OUT COUNT [PUBLIC-KEY]   a manifest; the last one is of that key

Keys are PEM files. --kid is the key's name in its set (0); with --spoil entry N (from 1) has a
fault: signature, payload, none (alg), serial, point, crit, missing.
"""
import base64
import json
import sys

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils


def url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def packed(value):
    return url(json.dumps(value, separators=(",", ":")).encode())


def read(path):
    with open(path, "rb") as file:
        return file.read()


def public_key(path):
    return serialization.load_pem_public_key(read(path))


def jwk(key, kid):
    size = (key.key_size + 7) // 8
    numbers = key.public_numbers()
    return {"kid": kid, "kty": "EC", "crv": f"P-{key.key_size}",
            "x": url(numbers.x.to_bytes(size, "big")), "y": url(numbers.y.to_bytes(size, "big"))}


def sign(signer, text):
    r, s = utils.decode_dss_signature(signer.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
    return url(r.to_bytes(32, "big") + s.to_bytes(32, "big"))


def entry(signer, serial, keys, fault=""):
    header = {"typ": "JWT", "alg": "none" if fault == "none" else "ES256"}
    if fault == "crit":
        header["crit"] = ["exp"]
    if fault == "point":
        keys[0]["x"] = url(bytes(32))
    payload = {"version": 1, "model": "ATECC608B", "partNumber": "ATECC608B-TFLXTLS",
               "uniqueId": "two words" if fault == "serial" else serial,
               "publicKeySet": {"keys": [] if fault == "missing" else keys}}
    head, body = packed(header), packed(payload)
    made = {"payload": body, "protected": head, "header": {"uniqueId": serial},
            "signature": sign(signer, head + "." + body)}
    if fault == "payload":
        payload["uniqueId"] = serial + "0"
        made["payload"] = packed(payload)
    if fault == "signature":
        made["signature"] = url(bytes(64))
    return made


def spare():
    return ec.generate_private_key(ec.SECP256R1()).public_key()


def devices(names):
    return [(name.split("=", 1)[0], public_key(name.split("=", 1)[1])) for name in names]


def manifest(signer_path, out, *names):
    signer = serialization.load_pem_private_key(read(signer_path), None)
    options = dict(zip(names, names[1:]))
    kid, spoil = options.get("--kid", "0"), options.get("--spoil", "0:")
    place, fault = spoil.split(":")
    pairs = devices(name for name in names if "=" in name)
    rows = [entry(signer, serial, [jwk(key, kid), jwk(spare(), "9")],
                  fault if index + 1 == int(place) else "")
            for index, (serial, key) in enumerate(pairs)]
    with open(out, "w", encoding="ascii") as file:
        json.dump(rows, file, indent=2)


def plain(product, out, *names):
    with open(out, "w", encoding="ascii") as file:
        file.write(f"provisiond-devices 1 {product}\n")
        for serial, key in devices(names):
            der = key.public_bytes(serialization.Encoding.DER,
                                   serialization.PublicFormat.SubjectPublicKeyInfo)
            file.write(f"{serial} {base64.b64encode(der).decode()}\n")


def many(signer_path, out, count, last=None):
    signer = serialization.load_pem_private_key(read(signer_path), None)
    with open(out, "w", encoding="ascii") as file:
        for index in range(int(count)):
            key = public_key(last) if last and index + 1 == int(count) else spare()
            file.write("[" if index == 0 else ",")
            json.dump(entry(signer, f"0123{index:014x}", [jwk(key, "0")]), file)
        file.write("]\n")


{"manifest": manifest, "plain": plain, "many": many}[sys.argv[1]](*sys.argv[2:])
