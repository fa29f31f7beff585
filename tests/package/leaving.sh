# shellcheck shell=sh
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
#
# To be read by machine.sh: what stays when the packages go.

# What lives by itself on any Debian is left out: logs, caches, the books of dpkg and apt, /root, the
# machine's own key for credentials, the private folders of systemd's own units.
list_files() {
    within find / -xdev \( -path /proc -o -path /sys -o -path /run -o -path /tmp -o -path /root \
        -o -path /var/log -o -path /var/cache -o -path /var/lib/apt -o -path /var/lib/dpkg \
        -o -path "/var/tmp/systemd-private-*-systemd-*" -o -path /var/lib/systemd/timers -o -path /var/lib/systemd/credential.secret -o -path /var/backups \) -prune -o -print |
        grep -v '^/etc/\(passwd\|group\|shadow\|gshadow\)-$' | sort
}

new_files() { list_files | comm -13 "$machine.before" -; }

removed() {
    in_machine 'DEBIAN_FRONTEND=noninteractive apt-get remove -y provisiond provctl'
    in_machine '
        none pgrep provision
        none curl -sk -o /dev/null https://localhost:8443/
        [ ! -e /usr/sbin/provisiond ]'
    # Gone, and back: the operator's certificates, token and ledger are as they were.
    container_install
    within systemctl is-enabled provisiond || return 1
    within systemctl start provisiond
    until_true $ready_s is_ready || return 1
    licensed 1
}

# purged: what apt says goes to $machine/root/said
purged() {
    in_machine 'DEBIAN_FRONTEND=noninteractive apt-get purge -y provisiond provctl >/root/said 2>&1' ||
        { cat "$machine/root/said" && return 1; }
    cat "$machine/root/said"
}

kept='/etc/provisiond
/etc/provisiond/hsm-pin.cred
/etc/provisiond/pki
/etc/provisiond/pki/ca.pem
/etc/provisiond/pki/server.key
/etc/provisiond/pki/server.pem'

purged_and_kept() {
    rm -rf "$machine"/etc/systemd/system/*.service.d # the tests' own
    purged || return 1
    new_files | grep -v '^/var/lib/provision-' >"$machine.kept"
    printf '%s\n' "$kept" | diff - "$machine.kept" || return 1
    for folder in /etc/provisiond /var/lib/provision-vault /var/lib/provision-hsm; do
        grep -q "provisiond: kept $folder" "$machine/root/said" || return 1
    done
    test -e "$machine/var/lib/provision-vault/ledger.db"
}

goes_on_after_purge() {
    container_install
    within systemctl enable --now provisiond
    until_true $ready_s is_ready || return 1
    licensed 1 && account_is_exact
}

# The operator has moved the ledger to another disk and left a link.
purged_and_destroyed() {
    within systemctl stop provision-vault
    in_machine 'mv /var/lib/provision-vault /srv/moved
        ln -s /srv/moved /var/lib/provision-vault
        [ -e /srv/moved/ledger.db ]'
    in_machine 'echo "provisiond provisiond/destroy-keys boolean true" | debconf-set-selections'
    purged || return 1
    new_files >"$machine.kept"
    [ "$(cat "$machine.kept")" = /srv/moved ] || { cat "$machine.kept" && return 1; }
    in_machine 'rmdir /srv/moved
        getent passwd provisiond provision-vault provision-hsm
        none pgrep provision
        systemctl list-unit-files --no-legend "provision*" >/root/units || true
        none grep . /root/units'
}
