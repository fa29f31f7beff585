#!/bin/sh
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
#
# demo.sh BIN: a small factory day on this machine, checked at every step. Real parts throughout: a
# SoftHSM token, the three programs, mutual TLS, a real firmware, openssl as the device; then a line
# of reference chips, with the faults of a real one.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
bin=$1
dir=
# A second Ctrl-C shall not leave half of the programs running.
clean_up() {
    trap '' INT TERM HUP PIPE
    trap - EXIT
    [ -n "$dir" ] || return 0
    sh "$here/rig.sh" "$bin" down --dir "$dir/rig" >/dev/null 2>&1 || true
    rm -rf "$dir"
}

trap 'clean_up' EXIT
trap 'exit 130' INT
trap 'exit 1' TERM HUP PIPE
dir=$(mktemp -d /tmp/provisiond-demo.XXXXXX)

if [ -t 1 ]; then
    bold=$(printf '\033[1m') green=$(printf '\033[32m') red=$(printf '\033[31m') off=$(printf '\033[0m')
else
    bold='' green='' red='' off=''
fi

step() { printf '\n%s%s%s\n' "$bold" "$*" "$off"; }
note() { printf '%s\n' "$*" | fold -s -w 76 | sed 's/ *$//; s/^/  /'; }
wrong() {
    printf '  %sWRONG: %s%s\n' "$red" "$*" "$off"
    exit 1
}

# new_device NAME CA: NAME.key and NAME.pem, as a chip leaves its maker.
new_device() {
    openssl ecparam -name prime256v1 -genkey -noout -out "$dir/$1.key"
    printf 'keyUsage=critical,keyAgreement\nbasicConstraints=CA:FALSE\n' >"$dir/device.ext"
    openssl req -new -key "$dir/$1.key" -subj "/O=Demo devices/serialNumber=SN-$1/CN=$1" |
        openssl x509 -req -CA "$2.pem" -CAkey "$2.key" -days 3650 -extfile "$dir/device.ext" \
            -out "$dir/$1.pem" 2>/dev/null
}

# license NAME OUT: asks for a license as a line's script does; sets $code to the exit code.
license() {
    code=0
    "$bin/provctl" license --url "$RIG_URL" --ca "$RIG_CA" --cert "$RIG_STATION_CERT" \
        --key "$RIG_STATION_KEY" --product "$RIG_PRODUCT" --device-cert "$dir/$1.pem" \
        --out "$dir/$2" >"$dir/answer" 2>"$dir/complaint" || code=$?
}

# governed NAME: asks for a license of the product that its maker governs
governed() {
    new_device "$1" "$dir/rig/device-ca/ca"
    RIG_PRODUCT=$RIG_GOVERNED_PRODUCT license "$1" "$1.lic"
}

ctl() { "$bin/provctl" --config "$RIG_CONFIG" "$@"; }

# report RESULT: how the install of the last license ended.
report() {
    read -r install rest <"$dir/answer"
    "$bin/provctl" outcome --url "$RIG_URL" --ca "$RIG_CA" --cert "$RIG_STATION_CERT" \
        --key "$RIG_STATION_KEY" "$install" "$1" >/dev/null 2>"$dir/complaint"
}

# opens LICENSE KEYNAME: what the device does, with openssl alone.
opens() {
    openssl cms -decrypt -binary -inform DER -in "$dir/$1" -content "$RIG_IMAGE_FILE" \
        -inkey "$dir/$2.key" -recip "$dir/$2.pem" -out "$dir/opened" 2>/dev/null &&
        cmp -s "$dir/opened" "$RIG_FIRMWARE"
}

row() { printf '  %-12s %-34s %-9s %s\n' "$@" >>"$dir/table"; }

chips=500
sockets=32
st_quota=480

step "1. A factory: a SoftHSM token and the three programs; quota 3"
sh "$here/rig.sh" "$bin" up --dir "$dir/rig" --quota 3 --st-quota $st_quota --governed 1 --profiles no \
    >/dev/null
. "$dir/rig/env"
note "serving at $RIG_URL (mutual TLS); firmware key made in the HSM, never extractable"

step "2. A real firmware, encrypted inside the HSM"
note "MicroPython for the micro:bit, $(wc -c <"$RIG_FIRMWARE") bytes -> $RIG_IMAGE"
cmp -s "$RIG_FIRMWARE" "$RIG_IMAGE_FILE" && wrong "the image is not encrypted"

step "3. Three devices come down the line"
for n in 1 2 3; do
    new_device "device-$n" "$dir/rig/device-ca/ca"
    license "device-$n" "device-$n.lic"
    [ $code = 0 ] || wrong "device-$n got no license: $(cat "$dir/complaint")"
    opens "device-$n.lic" "device-$n" || wrong "device-$n cannot open its license"
    note "device-$n: license of $(wc -c <"$dir/device-$n.lic") bytes; openssl opens it with the device's key"
    report succeeded || wrong "the outcome was not taken: $(cat "$dir/complaint")"
    row "device-$n" "license" "1 unit" "yes, equal to the original"
done
opens device-1.lic device-2 && wrong "device-2 opened the license of device-1"
note "each has the original firmware, and its station reported success"
note "device-2 cannot open the license of device-1"

step "4. The answer for device-1 was lost: its station asks again"
license device-1 again.lic
[ $code = 0 ] && cmp -s "$dir/device-1.lic" "$dir/again.lic" || wrong "the repeat differs"
note "the same bytes again, and no charge"
row "device-1" "the same license again" "no" "yes, same bytes"

step "5. A forged device: a certificate that only claims to come from the device maker"
openssl ecparam -name prime256v1 -genkey -noout -out "$dir/forger.key"
openssl req -new -x509 -key "$dir/forger.key" -subj "/O=Rig devices/CN=Rig device CA" -days 3650 \
    -out "$dir/forger.pem" -addext "basicConstraints=critical,CA:TRUE"
new_device forged "$dir/forger"
license forged forged.lic
[ $code = 12 ] || wrong "the forged device was answered with exit code $code"
note "refused (exit code 12): $(sed 's/^provctl: //' "$dir/complaint" | head -n 1)"
row "forged" "refused: device-not-genuine" "no" "-"

step "6. A fourth device, and the quota of 3 is spent"
new_device device-4 "$dir/rig/device-ca/ca"
license device-4 device-4.lic
[ $code = 10 ] || wrong "the fourth device was answered with exit code $code"
note "refused (exit code 10): $(sed 's/^provctl: //' "$dir/complaint" | head -n 1)"
row "device-4" "refused: quota-spent" "no" "-"

step "What happened to the gateways"
printf '\n  %-12s %-34s %-9s %s\n' "DEVICE" "ANSWER" "CHARGED" "OPENS ON THE DEVICE"
cat "$dir/table"
printf '\n'
"$bin/provctl" --config "$RIG_CONFIG" usage "$RIG_PRODUCT" | sed 's/^/  /; s/ *$//'

step "7. A line: $chips chips, $sockets sockets, quota $st_quota, and everything goes wrong"
note "each chip decrypts, verifies and closes itself; its debug port is shut from the moment an install" \
    "starts. Power is cut, cables are pulled, the station is killed; a copied chip, a chip of another" \
    "vendor and one of another family turn up; when the quota is spent, the maker adds 100 units."
printf '\n'
"$bin/rig-line" --bin "$bin" --url "$RIG_URL" --ca "$RIG_CA" --cert "$RIG_STATION_CERT" \
    --key "$RIG_STATION_KEY" --product "$RIG_ST_PRODUCT" --image "$RIG_ST_IMAGE" \
    --firmware "$RIG_ST_FIRMWARE" --st-ca "$RIG_ST_CA_KEY" --product-id "$RIG_ST_PRODUCT_ID" \
    --dir "$dir/line" --chips $chips --sockets $sockets --faults demo \
    --on-quota-spent "'$bin/provctl' --config '$RIG_CONFIG' quota add $RIG_ST_PRODUCT --units 100 >/dev/null" ||
    wrong "the line did not end as it should"

step "8. A product that its maker governs: units come by signed file only"
governed gov-1
[ $code = 0 ] || wrong "no license of the first signed unit: $(cat "$dir/complaint")"
governed gov-2
[ $code = 10 ] || wrong "the second device was answered with exit code $code"
ctl quota add "$RIG_GOVERNED_PRODUCT" --units 100 >/dev/null 2>"$dir/complaint" &&
    wrong "local administration raised a governed quota"
note "one unit was signed, one device was licensed; the factory's own administrator is refused:"
note "  $(sed 's/^provctl: //' "$dir/complaint" | head -n 1)"
"$bin/provctl" grant new --kind install --units 5 --product "$RIG_GOVERNED_PRODUCT" --site "$RIG_SITE" \
    --hsm "$RIG_HSM_ID" --out "$dir/more.json" >/dev/null
openssl cms -sign -nodetach -binary -outform DER -in "$dir/more.json" -out "$dir/more.p7s" \
    -signer "$RIG_MAKER_DIR/officer-1.pem" -inkey "$RIG_MAKER_DIR/officer-1.key" \
    -signer "$RIG_MAKER_DIR/officer-3.pem" -inkey "$RIG_MAKER_DIR/officer-3.key"
ctl grant apply "$dir/more.p7s" >"$dir/answer" || wrong "the signed units were not taken"
note "two of the maker's three officers sign 5 more with openssl:"
note "  $(head -n 1 "$dir/answer")"
ctl grant apply "$dir/more.p7s" >/dev/null 2>"$dir/complaint" && wrong "a grant counted twice"
note "the same file again: $(sed 's/^provctl: //' "$dir/complaint" | head -n 1)"
governed gov-2
[ $code = 0 ] || wrong "no license after the grant: $(cat "$dir/complaint")"

step "9. The maker's auditor, with a nonce, an exported file and one public key"
nonce=$(openssl rand -hex 16)
ctl journal export --out "$dir/export" --challenge "$nonce" >/dev/null || wrong "no export"
"$bin/provctl" journal verify "$dir/export" --key "$RIG_CHECKPOINT_KEY" --challenge "$nonce" \
    --authorities "$RIG_AUTHORITIES" --threshold 2 >"$dir/verdict" || {
    cat "$dir/verdict"
    wrong "the journal does not verify"
}
sed 's/^/  /; s/ *$//' "$dir/verdict"
LC_ALL=C sed 's/"charged":true/"charged":null/' "$dir/export" >"$dir/forged"
"$bin/provctl" journal verify "$dir/forged" --key "$RIG_CHECKPOINT_KEY" >/dev/null 2>&1 &&
    wrong "a changed journal was believed"
note "" "the same file with a word changed is not believed"

clean_up
printf '\n%sAll of it held.%s Now try it yourself:\n\n' "$green" "$off"
cat <<EOF
  ./dev rig up --dir /tmp/rig                   # the same factory, quotas of 10,000; stays up
  . /tmp/rig/env
  build/release/provctl --config \$RIG_CONFIG status
  build/release/provctl help
  ./dev rig down --dir /tmp/rig
EOF
