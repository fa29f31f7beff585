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

restart_socket() {
    within systemctl daemon-reload
    within systemctl restart provisiond.socket provisiond
    until_true $ready_s is_ready
}

address_survives_boot() {
    folder=$machine/etc/systemd/system/provisiond.socket.d
    mkdir -p "$folder"
    printf '%s\n' '[Socket]' ListenStream= ListenStream=10.0.0.5:8443 ListenStream=127.0.0.1:8443 \
        >"$folder/override.conf"
    restart_socket || return 1
    container_reboot || return 1
    until_true $ready_s is_ready || return 1
    listens_there && licensed 1 || return 1
    rm -r "$folder"
    restart_socket
}
