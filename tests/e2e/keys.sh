# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
#
# What the end-to-end tests of the checkpoint's keys do beside maker.sh, which is sourced first. The
# signatures are judged by openssl alone, from the files that provctl and the API gave.

# present_key: the digest of the key that signs now
present_key() {
    ctl status --json | jq -r '[.checkpoint_keys[] | select(.known)] | last | .key'
}

# generations: how many keys the ledger knows, and how many the HSM has
generations() { ctl status --json | jq -r '"\([.checkpoint_keys[] | select(.known)] | length) \(.checkpoint_keys | length)"'; }

# rotate N: from the present key, whose next one is generation N; its public part is $DIR/key-N.pem
rotate() {
    ctl journal rotate-key "$(present_key)" --out "$DIR/key-$1.pem" >"$DIR/rotated" &&
        grep -q "^generation=$1 " "$DIR/rotated"
}

# digest_of PEM: hex
digest_of() { openssl pkey -pubin -in "$1" -outform DER | sha256sum | cut -c-64; }

# note_signed_by NOTE PEM: the signature line whose key id is that of the key
note_signed_by() {
    sed '/^$/,$d' "$1" >"$DIR/body"
    id=$(digest_of "$2" | cut -c-8)
    sed -n 's/^— [^ ]* //p' "$1" | while read -r line; do
        echo "$line" | base64 -d >"$DIR/blob"
        [ "$(head -c 4 "$DIR/blob" | od -An -tx1 | tr -d ' \n')" = "$id" ] || continue
        tail -c +5 "$DIR/blob" >"$DIR/signature"
        openssl dgst -sha256 -verify "$2" -signature "$DIR/signature" "$DIR/body" && break
    done | grep -q 'Verified OK'
}

# statement_signed_by N PEM: the rotation to generation N in $DIR/export, by the key before
statement_signed_by() {
    sed -n "/\"generation\":$1,.*\"type\":\"checkpoint-key-rotated\"/p" "$DIR/export" >"$DIR/leaf"
    origin=$(sed -n 2p "$DIR/export" | jq -r .checkpoint | head -n 1)
    jq -r .signature "$DIR/leaf" | base64 -d >"$DIR/signature"
    {
        printf 'provisiond-key/1 %s\n%s\n' "$origin" "$1"
        jq -r .old "$DIR/leaf" | xxd -r -p | base64
        jq -r .new "$DIR/leaf" | base64 -d | sha256sum | cut -c-64 | xxd -r -p | base64
    } >"$DIR/statement"
    openssl dgst -sha256 -verify "$2" -signature "$DIR/signature" "$DIR/statement" >/dev/null
}
