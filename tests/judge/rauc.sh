#!/bin/sh
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
#
# RAUC as maker and as device of docs/profiles/rauc.md.
#
#   rauc.sh make FIRMWARE DIR                           DIR/payload and DIR/manifest.cms
#   rauc.sh open DIR KEY LICENSE IMAGE FIRMWARE         what `rauc info` shows and `rauc extract` gives
set -eu

bundle_tool="/usr/bin/python3 $(dirname "$0")/../../docs/examples/rauc_bundle.py"

make_bundle() {
    mkdir -p "$2/in"
    cp "$1" "$2/in/rootfs.img"
    printf '[update]\ncompatible=gateway\nversion=1\n[bundle]\nformat=crypt\n[image.rootfs]\nfilename=%s\n' \
        rootfs.img >"$2/in/manifest.raucm"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=maker \
        -addext keyUsage=critical,digitalSignature,keyCertSign -addext extendedKeyUsage=emailProtection \
        -keyout "$2/maker.key" -out "$2/maker.pem" 2>/dev/null
    rauc --cert="$2/maker.pem" --key="$2/maker.key" --keyring="$2/maker.pem" bundle "$2/in" \
        "$2/all.raucb" >"$2/log" 2>&1 || { cat "$2/log" >&2; exit 1; }
    $bundle_tool split "$2/all.raucb" "$2/payload" "$2/manifest.cms"
}

open_bundle() {
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    $bundle_tool join "$1/payload" "$4" "$3" "$work/device.raucb"
    rauc --keyring="$1/maker.pem" --key="$2" info "$work/device.raucb" >"$work/info" 2>"$work/said" || {
        cat "$work/said" >&2
        exit 1
    }
    grep -q rootfs.img "$work/info"
    TMPDIR=$work rauc --keyring="$1/maker.pem" --key="$2" extract "$work/device.raucb" "$work/out" 2>"$work/said"
    cp "$work/out/rootfs.img" "$5"
}

case ${1:-}:$# in
make:3) make_bundle "$2" "$3" ;;
open:6) open_bundle "$2" "$3" "$4" "$5" "$6" ;;
*)
    sed -n '5,8s/^# *//p' "$0" >&2
    exit 64
    ;;
esac
