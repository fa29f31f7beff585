# shellcheck shell=sh
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
#
# To be read by machine.sh: a start that fails says in one line what is wrong and what to do, goes on
# saying it no faster than one can read, writes nothing, and needs no hand once the cause is gone.

state_vault=/var/lib/provision-vault
starts_max=5 # of a unit that is started every two seconds, while a claim looks
look_s=5

# begins UNIT: from now on; journal_of UNIT prints what was said since.
begins() { mark=$(within date +%s.%N); within systemctl --no-block restart "$1"; }
journal_of() {
    unit=$1
    shift
    within journalctl --no-pager -o cat --since "@$mark" -u "$unit" "$@"
}
has_said() { journal_of "$1" | grep -q "$2"; }
starts_of() { journal_of "$1" | grep -c '^Starting'; }

# says UNIT LINE: begins, until the line is there
says() {
    begins "$1"
    until_true $ready_s has_said "$1" "$2" || { journal_of "$1" && return 1; }
}

# Each process of the unit that failed has said one line about it.
says_it_once() {
    journal_of "$1" -o json -p err SYSLOG_IDENTIFIER="${1%.service}" | jq -r ._PID | sort | uniq -d >"$machine.twice"
    ! grep . "$machine.twice" || { journal_of "$1" && return 1; }
}

# Names, sizes, owners and modes.
files_in() {
    within find "$1" -type d -printf '%P/ %u %m\n' -o -printf '%P %s %u %m\n' | sort
}

# fails UNIT LINE FOLDER: for some starts, which leave the files of the folder as they are
fails() {
    files_in "$3" >"$machine.files"
    says "$1" "$2" || return 1
    sleep $look_s
    says_it_once "$1" || return 1
    [ "$(starts_of "$1")" -le $starts_max ] || { journal_of "$1" && return 1; }
    files_in "$3" | diff "$machine.files" -
}

is_ready_again() { until_true $ready_s is_ready && account_is_exact; }

# read_only FOLDER: until it is unmounted
read_only() { in_machine 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1"' "$1"; }

# ---- provision-hsm ----

credential_is_missing() {
    within systemctl stop provision-hsm
    mv "$machine/etc/provisiond/hsm-pin.cred" "$machine/root/"
    fails provision-hsm 'hsm-pin.cred is missing.*systemd-creds encrypt' $state_hsm || return 1
    mv "$machine/root/hsm-pin.cred" "$machine/etc/provisiond/"
    is_ready_again
}

configured() { sed -i "$1" "$machine/etc/provisiond/provisiond.conf"; }

# It may come back, as an HSM may: provision-hsm runs and waits for it.
module_is_missing() {
    module=$(sed -n 's/^module *= *//p' "$machine/etc/provisiond/provisiond.conf")
    within systemctl stop provision-hsm
    mv "$machine$module" "$machine/root/module"
    fails provision-hsm 'no such file as \[hsm\] module: install the vendor.*correct the path.*module-missing' \
        $state_hsm || return 1
    [ "$(journal_of provision-hsm | grep -c module-missing)" = 1 ] || return 1
    mv "$machine/root/module" "$machine$module"
    is_ready_again
}

state_of_hsm_cannot_be_written() {
    within systemctl stop provision-hsm
    read_only $state_hsm
    fails provision-hsm 'state folder of provision-hsm.*cannot be written: give it to the user.*state-folder' \
        $state_hsm || return 1
    within umount $state_hsm
    is_ready_again
}

# As a token is that root made: systemd gives the folder itself to the right user.
token_is_of_another_user() {
    within systemctl stop provision-hsm
    within chown -R root $state_hsm/tokens
    fails provision-hsm 'let the user of provision-hsm use its files.*module-not-loadable' $state_hsm || return 1
    within chown -R provision-hsm $state_hsm/tokens
    is_ready_again
}

# ---- the vault ----

# A small disk in the place of the folder, full already; the ledger on the disk beneath is not touched.
# What a failed start leaves there is no hindrance to the one that finds room.
disk_is_full() {
    within systemctl stop provision-vault
    in_machine "mount -t tmpfs -o size=8M,mode=0700,uid=provision-vault,gid=provision-vault tmpfs $state_vault
        head -c 8M /dev/zero >$state_vault/other 2>/dev/null || true"
    says provision-vault 'disk is full: make room there' || return 1
    says_it_once provision-vault || return 1
    within rm $state_vault/other
    until_true $ready_s has_said provision-vault '^Ready' || return 1
    within systemctl stop provision-vault
    within umount $state_vault
    within systemctl start provision-vault
    is_ready_again
}

state_of_vault_cannot_be_written() {
    within systemctl stop provision-vault
    read_only $state_vault
    fails provision-vault 'folder of \[vault\] ledger can only be read: ReadWritePaths=.*Cause: Read-only file system' \
        $state_vault || return 1
    within umount $state_vault
    is_ready_again
}

# What is inside belongs to somebody else: systemd gives the folder itself to the vault's user.
ledger_is_of_another_user() {
    within systemctl stop provision-vault
    within chown root $state_vault/ledger.db
    fails provision-vault 'file of \[vault\] ledger.*give it to the user of provision-vault' \
        $state_vault || return 1
    within chown provision-vault $state_vault/ledger.db
    is_ready_again
}

# ---- provisiond ----

port_is_in_use() {
    within systemctl stop provisiond.socket provisiond
    in_machine 'systemd-socket-activate -l 8443 /bin/true >/dev/null 2>&1 & echo $! >/root/squatter; sleep 0.5'
    says provisiond.socket '8443.*Address already in use' || return 1
    in_machine 'squatter=$(cat /root/squatter)
        kill $squatter
        while kill -0 $squatter 2>/dev/null; do sleep 0.1; done'
    within systemctl start provisiond
    is_ready_again
}

# certificate_fails LINE: with what stands in server.pem. The front door stays: stations wait
# meanwhile, and are served when the certificate is right again.
certificate_fails() {
    pki=$machine/etc/provisiond/pki
    fails provisiond "$1" /etc/provisiond || return 1
    within sh -c 'curl -s --max-time 30 --cacert /root/pki/ca.pem https://localhost:8443/livez' >"$machine.waited" &
    waiting=$!
    within systemctl is-active provisiond.socket || return 1
    cp "$machine/root/pki/server.pem" "$pki/server.pem"
    wait $waiting && is_ready_again
}

certificate_is_broken() {
    echo nonsense >"$machine/etc/provisiond/pki/server.pem"
    certificate_fails 'server certificate (\[api\] certificate) is no PEM chain: put .*provctl ca server'
}

# server_certificate_for_a_day FROM: in the place of the one that counts; from 0 or, say, -2d on
server_certificate_for_a_day() {
    in_machine 'cd /root/pki
        faketime -f "$1" openssl req -x509 -CA ca.pem -CAkey ca.key -key server.key -days 1 -subj /CN=localhost \
            -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE \
            -out /etc/provisiond/pki/server.pem' "$1"
}

certificate_has_expired() {
    server_certificate_for_a_day -2d
    certificate_fails 'server certificate (\[api\] certificate) has expired: put a renewed one there'
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
