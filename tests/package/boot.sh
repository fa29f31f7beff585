# shellcheck shell=sh
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
#
# To be read by machine.sh: what is there again after the machine was booted.

# 10.0.0.5:8443 among those that listen; the machine does not have that address.
listens_there() { in_machine 'grep " 0500000A:20FB .* 0A " /proc/net/tcp'; }

override=etc/systemd/system/provisiond.socket.d

set_address() {
    mkdir -p "$machine/$override"
    printf '%s\n' '[Socket]' ListenStream= ListenStream=10.0.0.5:8443 \
        >"$machine/$override/override.conf"
}

# And goes on where it was, once the address is the usual one again.
came_back() {
    until_true $ready_s within systemctl is-active provisiond || return 1
    listens_there || return 1
    rm -r "${machine:?}/$override"
    within systemctl daemon-reload
    within systemctl restart provisiond.socket provisiond
    until_true $ready_s is_ready || return 1
    licensed 1
}
