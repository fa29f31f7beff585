# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
"""Opens licenses as a device would, from the published layouts and with nothing of ours.

  open_license.py PROFILE KEY LICENSE IMAGE FIRMWARE [--facts FILE] [--flip]
  open_license.py jwk KEY                          the private key as a JWK

PROFILE is suit, jwe, mcuboot-32, mcuboot-33, mcuboot-34, mcuboot-30 or esp-rsa. KEY is a PEM file. The facts are a JSON
object with what a device knows of the image beside the license: iv and tag in hex. With --flip each
bit of the license is changed once; printed are the bytes in which a changed bit still gave the
firmware ("same"), and those in which it gave another one ("other"). Exit status 1: it does not open.
"""
import base64
import hashlib
import hmac
import json
import sys

import cbor2
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, keywrap, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, x25519
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KW = {-29: (-3, 128), -31: (-5, 256)}
GCM = {1: 16, 3: 32}
CTR = {-65534: 16}


class Refused(Exception):
    """The license does not open."""


def require(condition, what):
    if not condition:
        raise Refused(what)


def open_gcm(key, iv, aad, text, tag):
    cipher = Cipher(algorithms.AES(key), modes.GCM(iv, tag)).decryptor()
    cipher.authenticate_additional_data(aad)
    return cipher.update(text) + cipher.finalize()


def open_ctr(key, counter, text):
    cipher = Cipher(algorithms.AES(key), modes.CTR(counter)).decryptor()
    return cipher.update(text) + cipher.finalize()


def ecdh(key, x, y, curve):
    peer = ec.EllipticCurvePublicNumbers(int.from_bytes(x, "big"), int.from_bytes(y, "big"), curve)
    return key.exchange(ec.ECDH(), peer.public_key())


# ---- suit: COSE_Encrypt ----


def suit_kek(secret, algorithm):
    wrap, bits = KW[algorithm]
    party = [None, None, None]
    public = [bits, cbor2.dumps({1: algorithm}), b"SUIT Payload Encryption"]
    context = cbor2.dumps([wrap, party, party, public])
    return HKDF(hashes.SHA256(), bits // 8, None, context).derive(secret)


def open_suit(key, license, image, facts):
    message = cbor2.loads(license)
    require(isinstance(message, cbor2.CBORTag) and message.tag == 96, "tag")
    protected, unprotected, ciphertext, recipients = message.value
    require(ciphertext is None and len(recipients) == 1, "shape")
    recipient_protected, recipient_unprotected, wrapped = recipients[0]
    algorithm = cbor2.loads(recipient_protected)[1]
    require(algorithm in KW and recipient_protected == cbor2.dumps({1: algorithm}), "recipient")
    ephemeral = recipient_unprotected[-1]
    require(ephemeral[1] == 2 and ephemeral[-1] == 1, "curve")
    secret = ecdh(key, ephemeral[-2], ephemeral[-3], ec.SECP256R1())
    cek = keywrap.aes_key_unwrap(suit_kek(secret, algorithm), wrapped)
    if protected:
        content = cbor2.loads(protected)[1]
        require(GCM[content] == len(cek), "content key")
        aad = cbor2.dumps(["Encrypt", protected, b""])
        return open_gcm(cek, unprotected[5], aad, image[:-16], image[-16:])
    require(CTR[unprotected[1]] == len(cek), "content key")
    return open_ctr(cek, unprotected[5], image)


# ---- jwe ----


def from_url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def to_url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def prefixed(data):
    return len(data).to_bytes(4, "big") + data


def open_jwe(key, license, image, facts):
    message = json.loads(license)
    header = message["header"]
    require(json.loads(from_url(message["protected"])) == {"enc": "A256GCM"}, "enc")
    require(header["alg"] == "ECDH-ES+A256KW" and header["epk"]["kty"] == "EC", "alg")
    require(header["epk"]["crv"] == {256: "P-256", 384: "P-384"}[key.curve.key_size], "crv")
    secret = ecdh(key, from_url(header["epk"]["x"]), from_url(header["epk"]["y"]), key.curve)
    info = (prefixed(header["alg"].encode()) + prefixed(from_url(header.get("apu", ""))) +
            prefixed(from_url(header.get("apv", ""))) + (256).to_bytes(4, "big"))
    kek = ConcatKDFHash(hashes.SHA256(), 32, info).derive(secret)
    cek = keywrap.aes_key_unwrap(kek, from_url(message["encrypted_key"]))
    return open_gcm(cek, from_url(message["iv"]), message["protected"].encode(), image,
                    from_url(message["tag"]))


def jwk(key):
    numbers = key.private_numbers()
    size = (key.curve.key_size + 7) // 8
    return {"kty": "EC", "crv": "P-%d" % key.curve.key_size,
            "x": to_url(numbers.public_numbers.x.to_bytes(size, "big")),
            "y": to_url(numbers.public_numbers.y.to_bytes(size, "big")),
            "d": to_url(numbers.private_value.to_bytes(size, "big"))}


# ---- mcuboot: the body of the encryption TLV ----


def mcuboot_secret(tlv, key, license):
    if tlv == 0x32:
        point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), license[:65])
        return key.exchange(ec.ECDH(), point), license[65:]
    peer = x25519.X25519PublicKey.from_public_bytes(license[:32])
    return key.exchange(peer), license[32:]


def mcuboot_key(tlv, key, license):
    if tlv == 0x30:
        require(len(license) == 256, "size")
        oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
        return key.decrypt(license, oaep)
    secret, rest = mcuboot_secret(tlv, key, license)
    digest, name, size = ((hashes.SHA512(), "sha512", 64) if tlv == 0x34 else
                          (hashes.SHA256(), "sha256", 32))
    tag, encrypted = rest[:size], rest[size:]
    require(len(encrypted) in (16, 32), "size")
    material = HKDF(digest, len(encrypted) + size, None, b"MCUBoot_ECIES_v1").derive(secret)
    expected = hmac.new(material[len(encrypted):], encrypted, name).digest()
    require(hmac.compare_digest(expected, tag), "HMAC")
    return open_ctr(material[:len(encrypted)], bytes(16), encrypted)


def open_mcuboot(tlv):
    def opener(key, license, image, facts):
        return open_ctr(mcuboot_key(tlv, key, license), bytes(16), image)
    return opener


# ---- esp-rsa ----


def open_esp_rsa(key, license, image, facts):
    require(len(license) == 384, "size")
    cek = key.decrypt(license, padding.PKCS1v15())
    require(len(cek) == 32, "key size")
    return open_gcm(cek, bytes.fromhex(facts["iv"]), b"", image, bytes.fromhex(facts["tag"]))


OPENERS = {"suit": open_suit, "jwe": open_jwe, "esp-rsa": open_esp_rsa,
           "mcuboot-30": open_mcuboot(0x30), "mcuboot-32": open_mcuboot(0x32),
           "mcuboot-33": open_mcuboot(0x33), "mcuboot-34": open_mcuboot(0x34)}


def attempt(opener, key, license, image, facts):
    """The firmware, or None: a license that does not open may fail in any of the libraries' ways."""
    try:
        return opener(key, license, image, facts)
    except (Refused, InvalidTag, keywrap.InvalidUnwrap, ValueError, KeyError, TypeError, IndexError,
            AttributeError, cbor2.CBORDecodeError, RecursionError, OverflowError, MemoryError,
            UnicodeError):
        return None


def flip(opener, key, license, image, facts):
    firmware = attempt(opener, key, license, image, facts)
    same, other = set(), set()
    for bit in range(8 * len(license)):
        changed = bytearray(license)
        changed[bit // 8] ^= 1 << (bit % 8)
        got = attempt(opener, key, bytes(changed), image, facts)
        if got is not None:
            (same if got == firmware else other).add(bit // 8)
    print("same", *sorted(same))
    print("other", *sorted(other))


def read(path):
    with open(path, "rb") as file:
        return file.read()


def load_key(path):
    return serialization.load_pem_private_key(read(path), None)


def main(arguments):
    if arguments[:1] == ["jwk"]:
        print(json.dumps(jwk(load_key(arguments[1]))))
        return 0
    profile, key, license, image, firmware = arguments[:5]
    rest = arguments[5:]
    facts = json.loads(read(rest[rest.index("--facts") + 1])) if "--facts" in rest else {}
    opener, key = OPENERS[profile], load_key(key)
    if "--flip" in rest:
        flip(opener, key, read(license), read(image), facts)
        return 0
    clear = attempt(opener, key, read(license), read(image), facts)
    if clear is None:
        print("it does not open", file=sys.stderr)
        return 1
    with open(firmware, "wb") as file:
        file.write(clear)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
