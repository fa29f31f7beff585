# shellcheck shell=sh
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
#
# To be read by machine.sh: what is there again after the machine was booted.

# Sets `leader`: who calls it in the background finds it by container_leader.
container_reboot() {
    before=$leader
    within systemctl reboot || true
    until_true $container_start_s is_booted_since "$before"
    leader=$(container_leader)
}

is_booted_since() { [ "$(container_leader)" != "$1" ] && container_is_up; }

# 10.0.0.5:8443 among those that listen; the machine does not have that address.
listens_there() { in_machine 'grep " 0500000A:20FB .* 0A " /proc/net/tcp'; }

address_survives_boot() {
    folder=$machine/etc/systemd/system/provisiond.socket.d
    mkdir -p "$folder"
    printf '%s\n' '[Socket]' ListenStream= ListenStream=10.0.0.5:8443 >"$folder/override.conf"
    container_reboot || return 1
    until_true $ready_s within systemctl is-active provisiond || return 1
    listens_there || return 1
    rm -r "$folder"
    within systemctl daemon-reload
    within systemctl restart provisiond.socket provisiond
    until_true $ready_s is_ready || return 1
    licensed 1
}
