# shellcheck shell=sh
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
#
# To be read by machine.sh: a start that fails says in one line what is wrong, goes on saying it no
# faster than one can read, and needs no hand once the cause is gone.

# begins UNIT: from now on; journal_of UNIT prints what was said since.
begins() { mark=$(within date +%s.%N); within systemctl --no-block restart "$1"; }
journal_of() { within journalctl --no-pager -o cat --since "@$mark" -u "$1"; }
has_said() { journal_of "$1" | grep -q "$2"; }

# says UNIT LINE: begins, until the line is there
says() {
    begins "$1"
    until_true $ready_s has_said "$1" "$2" || { journal_of "$1" && return 1; }
}

credential_is_missing() {
    mv "$machine/etc/provisiond/hsm-pin.cred" "$machine/root/"
    says provision-hsm 'hsm-pin.cred is missing.*systemd-creds encrypt' || return 1
    mv "$machine/root/hsm-pin.cred" "$machine/etc/provisiond/"
    until_true $ready_s is_ready
}

port_is_in_use() {
    within systemctl stop provisiond.socket provisiond
    in_machine 'systemd-socket-activate -l 8443 /bin/true >/dev/null 2>&1 & echo $! >/root/squatter; sleep 0.5'
    says provisiond.socket '8443.*Address already in use' || return 1
    in_machine 'squatter=$(cat /root/squatter)
        kill $squatter
        while kill -0 $squatter 2>/dev/null; do sleep 0.1; done'
    within systemctl start provisiond
    until_true $ready_s is_ready
}

# The front door: stations wait meanwhile, and are served when the certificate is right again.
certificate_is_broken() {
    echo nonsense >"$machine/etc/provisiond/pki/server.pem"
    says provisiond 'server certificate (\[api\] certificate) is no PEM chain' || return 1
    within sh -c 'curl -s --max-time 30 --cacert /root/pki/ca.pem https://localhost:8443/livez' >"$machine.waited" &
    waiting=$!
    sleep 5
    [ "$(journal_of provisiond | grep -c 'Starting')" -le 5 ] || return 1
    within systemctl is-active provisiond.socket || return 1
    cp "$machine/root/pki/server.pem" "$machine/etc/provisiond/pki/server.pem"
    wait $waiting && until_true $ready_s is_ready
}

# A small disk in the place of the folder, full already; the ledger on the disk beneath is not touched.
disk_is_full() {
    within systemctl stop provision-vault
    in_machine 'mount -t tmpfs -o size=64K,mode=0700,uid=provision-vault,gid=provision-vault tmpfs /var/lib/provision-vault
        head -c 1M /dev/zero >/var/lib/provision-vault/other 2>/dev/null || true'
    says provision-vault 'disk is full' || return 1
    within umount /var/lib/provision-vault
    until_true $ready_s is_ready
}

# ---- drop-ins of docs/examples/units ----

# Back in its folder afterwards, and the drop-in away.
ledger_is_moved() {
    conf=$machine/etc/provisiond/provisiond.conf
    cp "$conf" "$machine/root/"
    in_machine 'systemctl stop provision-vault
        install -d -m 0700 -o provision-vault -g provision-vault /srv/provision-vault
        mv /var/lib/provision-vault/ledger.db /srv/provision-vault/'
    sed -i 's|^\[vault\]$|&\nledger = /srv/provision-vault/ledger.db|' "$conf"
    says provision-vault 'ReadWritePaths= of provision-vault.service' || return 1
    cp -R docs/examples/units/provision-vault.service.d "$machine/etc/systemd/system/"
    within systemctl daemon-reload
    within systemctl restart provision-vault
    until_true $ready_s is_ready || return 1
    licensed 1 && account_is_exact || return 1
    in_machine 'systemctl stop provision-vault
        mv /srv/provision-vault/ledger.db /var/lib/provision-vault/
        rm -r /srv/provision-vault /etc/systemd/system/provision-vault.service.d/ledger.conf'
    cp "$machine/root/provisiond.conf" "$conf"
    within systemctl daemon-reload
    within systemctl restart provision-vault
    until_true $ready_s is_ready
}

drop_ins_fit() {
    cp -R docs/examples/units/provision-hsm.service.d "$machine/etc/systemd/system/"
    within systemctl daemon-reload
    within systemctl restart provision-hsm
    until_true $ready_s is_ready || return 1
    rm -r "$machine/etc/systemd/system/provision-hsm.service.d"
    within systemctl daemon-reload
    within systemctl restart provision-hsm
    until_true $ready_s is_ready
}
