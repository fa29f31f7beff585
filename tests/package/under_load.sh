# shellcheck shell=sh
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
#
# To be read by machine.sh: what stations notice while the service is restarted, reloaded, upgraded
# or killed, which is to be nothing.

load_pid=

load_begin() {
    cp "$here/load.sh" "$machine/root/load.sh"
    rm -rf "$machine/root/load"
    within sh /root/load.sh 1 "$devices" >"$machine.load" 2>&1 &
    load_pid=$!
    until_true 5 test -e "$machine/root/load/running"
}

# Ends the load; fails when a request was lost, or the account is not that of the devices.
load_end() {
    touch "$machine/root/load/stop"
    is_answered=0
    wait $load_pid || is_answered=$?
    load_pid=
    cat "$machine.load"
    [ $is_answered = 0 ] || return 1
    sed -n 's/^\([0-9]*\) 0 20. .*/\1/p' "$machine"/root/load/answers-* >>"$machine.licensed"
    account_is_exact
}

restarts_under_load() {
    load_begin
    in_machine 'for n in $(seq "$1"); do systemctl restart provisiond; sleep 0.1; done' "$restarts" || return 1
    load_end
}

# ---- reload ----

reloads=3

# One connection that is kept over a reload: curl says for each request how many it opened for it.
reloads_keep_connections() {
    in_machine '
        asks() {
            for n in $(seq 40); do
                printf "%s\n" "url = https://localhost:8443/livez" "output = /dev/null" \
                    "write-out = \"%{http_code} %{num_connects}\n\""
            done
        }
        asks >/root/asks
        curl -s --rate 10/s --cacert /root/pki/ca.pem --config /root/asks >/root/asked &
        for n in $(seq "$1"); do
            sleep 1
            systemctl reload provisiond
        done
        wait $!
        cat /root/asked
        [ "$(grep -c "^200 0$" /root/asked)" = 39 ]
        [ "$(grep -c "^200 1$" /root/asked)" = 1 ]' $reloads
}

reloads_under_load() {
    pid=$(within systemctl show -P MainPID provisiond)
    began=$(within date +%s.%N)
    load_begin
    reloads_keep_connections || return 1
    load_end || return 1
    [ "$(within systemctl show -P MainPID provisiond)" = "$pid" ] || return 1
    done=$(within journalctl -u provisiond --since "@$began" -o json | grep -c '"PROVISIOND_EVENT":"reloaded"')
    [ "$done" = $reloads ] || { echo "$done reloads were done" && return 1; }
}

# ---- watchdog ----

drop_in() { # UNIT NAME LINE...
    folder=$machine/etc/systemd/system/$1.service.d
    mkdir -p "$folder"
    name=$2
    shift 2
    printf '%s\n' "$@" >"$folder/$name.conf"
    within systemctl daemon-reload
}

restarts_of() { within systemctl show -P NRestarts "$1"; }

vault_was_killed() { [ "$(restarts_of provision-vault)" -gt "$1" ]; }

# A vault that does not hang lives on, or the claim would say nothing.
vault_hangs() {
    drop_in provision-vault watchdog '[Service]' 'WatchdogSec=2s'
    within systemctl restart provision-vault
    before=$(restarts_of provision-vault)
    sleep 5
    [ "$(restarts_of provision-vault)" = "$before" ] || { echo "it was killed without a reason" && return 1; }
    within systemctl kill --signal=STOP --kill-who=main provision-vault
    until_true $ready_s vault_was_killed "$before" || return 1
    in_machine 'journalctl -u provision-vault | grep "Watchdog timeout"'
    until_true $ready_s is_ready || return 1
    licensed "$1"
}

# ---- upgrade ----

# The packages once more, under a higher version.
make_newer_packages() {
    newer=$machine/root/newer
    mkdir -p "$newer"
    for package in "$packages"/provisiond_*.deb "$packages"/provctl_*.deb; do
        version=$(dpkg-deb -f "$package" Version)
        dpkg-deb -R "$package" "$newer/tree"
        sed -i "s/^Version: .*/Version: $version+newer/; s/(= $version)/(= $version+newer)/" \
            "$newer/tree/DEBIAN/control"
        dpkg-deb -Znone --root-owner-group -b "$newer/tree" "$newer" >/dev/null
        rm -rf "$newer/tree"
    done
}

upgrade_under_load() {
    make_newer_packages
    started=$(within systemctl show -P ActiveEnterTimestampMonotonic provisiond.socket)
    pid=$(within systemctl show -P MainPID provision-vault)
    load_begin
    in_machine 'DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends /root/newer/*.deb' || return 1
    until_true $ready_s is_ready || return 1
    load_end || return 1
    in_machine 'dpkg-query -W provisiond provctl >/root/versions
        none grep -v newer /root/versions'
    [ "$(within systemctl show -P ActiveEnterTimestampMonotonic provisiond.socket)" = "$started" ] ||
        { echo "the socket was closed" && return 1; }
    [ "$(within systemctl show -P MainPID provision-vault)" != "$pid" ] ||
        { echo "the vault still is the old one" && return 1; }
}
