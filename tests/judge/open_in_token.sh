#!/bin/sh
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
#
# open_in_token.sh KEY CERT LICENSE IMAGE FIRMWARE: opens a cms license as a device does whose key sits
# in a PKCS#11 token and cannot leave it. The key is moved into a SoftHSM token; openssl then knows it by
# its PKCS#11 URI alone, through Debian's libengine-pkcs11-openssl.
set -eu

[ $# = 5 ] || { echo "usage: open_in_token.sh KEY CERT LICENSE IMAGE FIRMWARE" >&2; exit 64; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
PKCS11_MODULE_PATH=/usr/lib/softhsm/libsofthsm2.so
SOFTHSM2_CONF=$work/softhsm2.conf
export PKCS11_MODULE_PATH SOFTHSM2_CONF

mkdir "$work/tokens"
printf 'directories.tokendir = %s\nlog.level = ERROR\n' "$work/tokens" >"$SOFTHSM2_CONF"
softhsm2-util --init-token --free --label device --so-pin 1234 --pin 1234 >"$work/log"
openssl pkey -in "$1" -outform DER -out "$work/key.der"
pkcs11-tool --module "$PKCS11_MODULE_PATH" --token-label device --login --pin 1234 --write-object \
    "$work/key.der" --type privkey --usage-derive --label key --sensitive >>"$work/log" 2>&1 ||
    { cat "$work/log" >&2; exit 1; }
rm "$work/key.der"
# The token says yes to nothing that would give the key away.
! pkcs11-tool --module "$PKCS11_MODULE_PATH" --token-label device --login --pin 1234 --read-object \
    --type privkey --label key --output-file "$work/stolen" >>"$work/log" 2>&1
openssl cms -decrypt -binary -inform DER -in "$3" -content "$4" -engine pkcs11 -keyform engine \
    -inkey 'pkcs11:token=device;object=key;type=private;pin-value=1234' -recip "$2" -out "$5"
