# shellcheck shell=sh
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
#
# To be read by machine.sh and sandbox.sh, after container.sh: what an operator types on a new server, from the
# token to the first station, and what a station asks then. Everything here runs inside the
# container. `in_machine` takes a script of the shell; what the machine cannot do fails the test.

state_hsm=/var/lib/provision-hsm
product=meter
ready_s=30

# `none COMMAND` fails when the command succeeds: a line that begins with `!` never does.
in_machine() {
    within sh -euc "none() { ! \"\$@\"; }
$1" sh "${2-}" "${3-}"
}

# until_true SECONDS COMMAND...: asks five times a second.
until_true() {
    tries=$(($1 * 5))
    shift
    until "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || return 1
        sleep 0.2
    done
}

# ---- before the start ----

make_token() {
    in_machine "
        install -d -m 0700 -o provision-hsm -g provision-hsm $state_hsm $state_hsm/tokens
        od -An -N 16 -tx1 /dev/urandom | tr -d ' \n' >/root/pin
        cd $state_hsm && setpriv --reuid=provision-hsm --regid=provision-hsm --clear-groups \
            env SOFTHSM2_CONF=/etc/provisiond/softhsm2.conf softhsm2-util --init-token --free \
            --label provisiond --pin \$(cat /root/pin) --so-pin \$(cat /root/pin)
        systemd-creds encrypt --name=hsm-pin /root/pin /etc/provisiond/hsm-pin.cred"
}

make_certificates() {
    in_machine '
        umask 077
        provctl ca new --server localhost --out-dir /root/pki
        cd /root/pki
        install -m 0644 server.pem ca.pem /etc/provisiond/pki
        install -m 0640 -g provisiond server.key /etc/provisiond/pki'
}

# ---- the site ----

is_ready() {
    within curl -sf --max-time 5 -o /dev/null --cacert /root/pki/ca.pem --cert /root/pki/line-1.pem \
        --key /root/pki/line-1.key https://localhost:8443/readyz
}

# Devices are older than any clock that is set back in these tests.
made="faketime -f -15y openssl req -x509 -days 10000"

new_device_ca() {
    in_machine 'mkdir -p /root/devices && cd /root/devices
        '"$made"' -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key \
            -subj "/CN=Device CA" -addext keyUsage=critical,keyCertSign -out ca.pem'
}

# new_devices FIRST LAST: NAME.key, NAME.pem, and NAME.json, which asks for its license
new_devices() {
    in_machine 'cd /root/devices
        for n in $(seq "$1" "$2"); do
            '"$made"' -CA ca.pem -CAkey ca.key -newkey ec -pkeyopt ec_paramgen_curve:P-256 \
                -nodes -keyout $n.key -subj /serialNumber=SN-$n/CN=device-$n \
                -addext basicConstraints=critical,CA:FALSE \
                -addext keyUsage=critical,keyAgreement -out $n.pem
            jq -n --rawfile chain $n.pem "{product: \"'$product'\", device:
                {certificate_chain: \$chain}}" >$n.json
        done' "$1" "$2"
}

make_site() {
    in_machine "
        mkdir /root/public-keys
        provctl hsm init --site plant-7 --out-dir /root/public-keys
        provctl product create $product --anchors /root/devices/ca.pem --quota 100000
        head -c 70000 /dev/urandom >/root/firmware
        provctl image encrypt --product $product --label first /root/firmware --json >/root/image.json
        provctl station enroll line-1 --out-dir /root/pki"
    until_true $ready_s is_ready
}

# ---- asking ----

# Each device that ever got a license has cost one unit, and nothing else has.
account_is_exact() {
    devices_licensed=$(sort -u "$machine.licensed" | wc -l)
    charged=$(within provctl usage $product --json | jq .charged)
    [ "$charged" = "$devices_licensed" ] ||
        { echo "charged are $charged, licensed $devices_licensed" && return 1; }
}

# licensed DEVICE: over mTLS by provctl, and what openssl opens with the device's key is the firmware
licensed() {
    in_machine "cd /root/devices
        rm -f \$1.lic opened
        provctl license --url https://localhost:8443 --ca /root/pki/ca.pem --cert /root/pki/line-1.pem \
            --key /root/pki/line-1.key --product $product --device-cert \$1.pem --out \$1.lic
        image=\$(jq -r .image /root/image.json)
        openssl cms -decrypt -binary -inform DER -in \$1.lic \
            -content /var/lib/provision-vault/images/\${image#sha256:} -inkey \$1.key -out opened
        cmp opened /root/firmware" "$1" || return 1
    echo "$1" >>"$machine.licensed"
}

# licensed_by_curl DEVICE: the same bytes by curl
licensed_by_curl() {
    in_machine 'cd /root/devices
        curl -sf --max-time 20 --cacert /root/pki/ca.pem --cert /root/pki/line-1.pem \
            --key /root/pki/line-1.key -H "Content-Type: application/json" \
            -H "Accept: application/octet-stream" --data-binary @$1.json -o by-curl \
            https://localhost:8443/v1/licenses
        cmp by-curl $1.lic' "$1"
}
