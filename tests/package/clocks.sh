# shellcheck shell=sh
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
#
# To be read by machine.sh, after broken.sh: clocks that are wrong, and what runs out by them. A
# drop-in gives one program a clock of its own, by the library of the package faketime.

ten_years_s=315360000
day_s=86400

# has_clock UNIT SECONDS: from its next start on, so far from the right one
has_clock() {
    fake_clock=$(within dpkg -L libfaketime | grep '/libfaketimeMT.so')
    drop_in "$1" clock '[Service]' "Environment=LD_PRELOAD=$fake_clock" "Environment=FAKETIME=$2" \
        Environment=FAKETIME_DONT_FAKE_MONOTONIC=1
}

has_right_clock() {
    rm "$machine/etc/systemd/system/$1.service.d/clock.conf"
    within systemctl daemon-reload
    within systemctl restart "$1"
}

# ready_says CHECK WORD: /readyz answers 503, and says so of that check
ready_says() {
    within curl -sk --max-time 5 --cert /root/pki/line-1.pem --key /root/pki/line-1.key \
        https://localhost:8443/readyz -o /root/readyz -w '%{http_code}\n' >"$machine.status"
    grep -qx 503 "$machine.status" && jq -e ".checks.$1 == \"$2\"" "$machine/root/readyz"
}

# refused DEVICE PROBLEM: a license, over mTLS
refused() {
    within curl -s --max-time 20 --cacert /root/pki/ca.pem --cert /root/pki/line-1.pem \
        --key /root/pki/line-1.key -H 'Content-Type: application/json' \
        --data-binary "@/root/devices/$1.json" https://localhost:8443/v1/licenses >"$machine.answer"
    jq -e ".type == \"/problems/$2\"" "$machine.answer" || { cat "$machine.answer" && return 1; }
}

# The vault starts and serves what needs no license; nothing is charged, and nothing is lost.
clock_of_vault_is_set_back() {
    has_clock provision-vault -$ten_years_s
    says provision-vault 'clock is behind the newest leaf.*set it right (`timedatectl`)' || return 1
    until_true $ready_s ready_says ledger clock-set-back || return 1
    refused 1 clock-set-back || return 1 # it has its license already
    refused "$devices" clock-set-back || return 1
    says_it_once provision-vault || return 1
    account_is_exact || return 1
    has_right_clock provision-vault
    is_ready_again && licensed 1 && account_is_exact
}

clock_of_front_is_set_back() {
    has_clock provisiond -$ten_years_s
    fails provisiond 'server certificate.*is not valid yet by this server.s clock: set the clock right' \
        /etc/provisiond || return 1
    has_right_clock provisiond
    is_ready_again
}

# Its clock is ten seconds before the end of the certificate when it starts. No restart is needed to
# be well again.
certificate_expires_meanwhile() {
    server_certificate_for_a_day +0
    has_clock provisiond +$((day_s - 10))
    says provisiond 'certificate has expired, and stations refuse it: put a renewed one at' || return 1
    ready_says certificate expired || return 1
    sleep $look_s
    says_it_once provisiond || return 1
    cp "$machine/root/pki/server.pem" "$machine/etc/provisiond/pki/server.pem"
    is_ready_again || return 1
    has_right_clock provisiond
    is_ready_again
}
