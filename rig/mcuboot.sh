#!/bin/sh
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
#
# mcuboot.sh KEY FIRMWARE FLAGS OUT: an image of MCUboot around FIRMWARE, in clear and signed by KEY
# (P-256, PEM), as "imgtool sign --clear -E" makes it. FLAGS is 4 for AES-128 and 8 for AES-256.
set -eu

[ $# = 4 ] || { echo "usage: mcuboot.sh KEY FIRMWARE FLAGS OUT" >&2; exit 64; }
key=$1
firmware=$2
flags=$3
out=$4
header_bytes=512
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# number VALUE BYTES: little endian
number() {
    value=$1
    left=$2
    while [ "$left" -gt 0 ]; do
        printf "\\$(printf %03o $((value % 256)))"
        value=$((value / 256))
        left=$((left - 1))
    done
}

# tlv TYPE FILE
tlv() {
    number "$1" 2
    number "$(stat -c %s "$2")" 2
    cat "$2"
}

{
    number $((0x96f3b83d)) 4
    number 0 4 # where it runs: not said
    number $header_bytes 2
    number 0 2 # no protected TLVs
    number "$(stat -c %s "$firmware")" 4
    number "$flags" 4
    number 1 8 # version 1.0.0+0
    head -c $((header_bytes - 28)) /dev/zero
    cat "$firmware"
} >"$work/signed"
openssl dgst -sha256 -binary -out "$work/hash" "$work/signed"
openssl pkey -in "$key" -pubout -outform DER | openssl dgst -sha256 -binary -out "$work/key-hash"
openssl dgst -sha256 -sign "$key" -out "$work/signature" "$work/signed"
{
    tlv $((0x10)) "$work/hash"
    tlv $((0x01)) "$work/key-hash"
    tlv $((0x22)) "$work/signature"
} >"$work/tlvs"
{
    cat "$work/signed"
    number $((0x6907)) 2
    number $((4 + $(stat -c %s "$work/tlvs"))) 2
    cat "$work/tlvs"
} >"$out"
