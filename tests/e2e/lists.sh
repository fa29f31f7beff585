# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
#
# A maker without a PKI, for shell lines of test_lists.c: signers, devices, lists. Sourced after the
# rig's env, with BIN, DIR and SOURCE set.

cd "$DIR" || exit 1

ctl() { "$BIN/provctl" --config "$RIG_CONFIG" "$@"; }
make_list() { /usr/bin/python3 "$SOURCE/tests/judge/make_list.py" "$@"; }
judge() { /usr/bin/python3 "$SOURCE/tests/judge/open_license.py" "$@"; }
fail() {
    echo "$*" >&2
    cat said said.json >&2 2>/dev/null
    exit 1
}

# key NAME [CURVE]: NAME.key and NAME.pub
key() {
    openssl genpkey -algorithm EC -pkeyopt "ec_paramgen_curve:${2:-P-256}" -out "$1.key" 2>/dev/null &&
        openssl pkey -in "$1.key" -pubout -out "$1.pub"
}
key_digest() { openssl pkey -pubin -in "$1.pub" -outform der | sha256sum | cut -d ' ' -f 1; }

# sign LIST SIGNER: LIST.sig
sign() { openssl dgst -sha256 -sign "$2.key" -out "$1.sig" "$1"; }

# product NAME PROFILE OPTION...: with an image; its digest is in NAME.image, the file NAME.ct
product() {
    name=$1 profile=$2
    shift 2
    ctl product create "$name" --profile "$profile" --device-identity list --quota 20 "$@" >said 2>&1 || {
        cat said >&2
        return 1
    }
    ctl image encrypt --product "$name" --format "$profile" "$RIG_FIRMWARE" >"$name.image" &&
        ctl_rest image fetch "$(cat "$name.image")" --out "$name.ct" >said 2>&1
}
ctl_rest() {
    "$BIN/provctl" "$@" --url "$RIG_URL" --ca "$RIG_CA" --cert "$RIG_STATION_CERT" --key "$RIG_STATION_KEY"
}

# license PRODUCT KEY-NAME: KEY-NAME.lic
license() {
    ctl_rest license --product "$1" --device-key "$2.pub" --out "$2.lic" >said 2>&1
}
# denied PRODUCT KEY-NAME REASON
denied() {
    license "$1" "$2" && fail "licensed: $2"
    ctl_rest license --product "$1" --device-key "$2.pub" --out "$2.lic" --json >said.json 2>&1
    grep -q "\"$3\"" said said.json || fail "$2: not $3"
}
# opens PRODUCT PROFILE KEY-NAME: by what is not ours
opens() {
    case $2 in
    jwe) judge jwk "$3.key" >jwk && jose jwe dec -i "$3.lic" -I "$1.ct" -k jwk -O opened ;;
    *) judge "$2" "$3.key" "$3.lic" "$1.ct" opened ;;
    esac && cmp opened "$RIG_FIRMWARE"
}
# not_taken PRODUCT REASON WORDS ARGUMENT...: device allow fails so, and no device is on a list
not_taken() {
    wanted=$2 words=$3 of=$1
    shift 3
    ctl device allow "$of" "$@" >said 2>&1 && fail "taken: $*"
    ctl device allow "$of" "$@" --json >said.json 2>&1
    grep -q "\"$wanted\"" said.json || fail "$*: not $wanted"
    grep -q "$words" said || fail "$*: the message does not say $words"
}
