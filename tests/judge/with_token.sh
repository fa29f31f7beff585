#!/bin/sh
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
#
# with_token.sh KEY COMMAND...: runs the command as on a device whose private key sits in a PKCS#11 token
# and cannot leave it. The key (PEM) is moved into a SoftHSM token; the word @key of the command becomes
# its PKCS#11 URI, for OpenSSL's engine pkcs11 (Debian's libengine-pkcs11-openssl) and for RAUC.
set -eu

[ $# -gt 1 ] || { echo "usage: with_token.sh KEY COMMAND..." >&2; exit 64; }
key=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
PKCS11_MODULE_PATH=/usr/lib/softhsm/libsofthsm2.so
RAUC_PKCS11_MODULE=$PKCS11_MODULE_PATH
SOFTHSM2_CONF=$work/softhsm2.conf
export PKCS11_MODULE_PATH RAUC_PKCS11_MODULE SOFTHSM2_CONF

in_token() {
    pkcs11-tool --module "$PKCS11_MODULE_PATH" --token-label device --login --pin 1234 --type privkey \
        --label key "$@" >>"$work/log" 2>&1
}

mkdir "$work/tokens"
printf 'directories.tokendir = %s\nlog.level = ERROR\n' "$work/tokens" >"$SOFTHSM2_CONF"
softhsm2-util --init-token --free --label device --so-pin 1234 --pin 1234 >"$work/log"
openssl pkey -in "$key" -outform DER -out "$work/key.der"
in_token --write-object "$work/key.der" --usage-derive --sensitive || { cat "$work/log" >&2; exit 1; }
rm "$work/key.der"
in_token --list-objects
# Not "sensitive, extractable" or the like.
grep -q '^ *Access: *sensitive$' "$work/log" || { cat "$work/log" >&2; exit 1; }

for word; do
    shift
    [ "$word" != @key ] || word='pkcs11:token=device;object=key;type=private;pin-value=1234'
    set -- "$@" "$word"
done
"$@"
