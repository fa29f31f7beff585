#!/bin/sh
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
#
# sandbox.sh: what docs/THREATS.md says that no program can do, tried from inside each program under
# its unit, and where the PIN is. The packages are installed in a container; each unit then runs the
# program of a build with crash points (PROVISIOND_TRIAL_BIN) in place of the package's, which cannot
# try anything. Prints each claim that held. Needs root.
set -eu
here=$(dirname "$0")
threats=$here/../../docs/THREATS.md
trial_bin=${PROVISIOND_TRIAL_BIN:-$PWD/build/dev}
start_s=30
pin_id=provision-hsm.service/hsm-pin
. "$here/container.sh"
. "$here/operator.sh"
. "$here/../support/claims.sh"

# claim WHAT COMMAND...
claim() {
    what=$1
    shift
    if "$@" >"$machine.said" 2>&1; then
        echo "holds: $what"
    else
        cat "$machine.said"
        echo "NOT SO: $what"
        claims_failed=1
    fi
}

# wait_until COMMAND...
wait_until() {
    until_true $start_s "$@" && return 0
    within journalctl --no-pager -n 40
    container_die "not so: $*"
}

main_pid() { within systemctl show -p MainPID --value "$1.service"; }

# value WORD: what the table's words in capitals are here
value() {
    case $1 in
    OTHER) for name in $others; do main_pid "$name"; done ;;
    PORT) echo 8443 ;;
    TOKEN) echo /var/lib/provision-hsm/tokens ;;
    PIN) printf '%s\n' "/run/credentials/$pin_id" /etc/provisiond/hsm-pin.cred ;;
    LEDGER) echo /var/lib/provision-vault/ledger.db ;;
    IMAGES) echo /var/lib/provision-vault/images ;;
    SERVER_KEY) echo /etc/provisiond/pki/server.key ;;
    CONFIG) echo /etc/provisiond ;;
    VAULT_STATE) echo /var/lib/provision-vault ;;
    HSM_STATE) echo /var/lib/provision-hsm ;;
    FOREIGN_SOCKETS) printf '%s\n' /run/dbus/system_bus_socket /run/provision-hsm/hsm.sock ;;
    esac
}

# ---- trials ----

# A path that is not there would be refused to anybody.
paths_exist() {
    for word in TOKEN PIN LEDGER IMAGES SERVER_KEY CONFIG VAULT_STATE HSM_STATE FOREIGN_SOCKETS; do
        for path in $(value $word); do within test -e "$path" || { echo "$path" && return 1; }; done
    done
}

# What a child of the program leaves in its log says what it could do; the unit stays as it is.
run_trials() {
    mkdir -p "$machine/etc/systemd/system/$1.service.d"
    cat >"$machine/etc/systemd/system/$1.service.d/trial.conf" <<EOF
[Service]
ExecStart=
ExecStart=/opt/trial/$1 --config /etc/provisiond/provisiond.conf
ExecPaths=/opt/trial
Environment="PROVISIOND_TRIALS=$2"
StandardError=file:/var/log/trial-$1
EOF
    within systemctl daemon-reload
    within systemctl restart "$1.service" || within journalctl --no-pager -n 20 -u "$1"
}

has_outcomes() {
    [ "$(jq -rs --arg program "$2" '[.[] | select(.event == "trial" and .program == $program)]
        | length' "$machine/var/log/trial-$1")" -ge "$3" ]
}

# try UNIT OTHERS IN-TABLE:IN-LOG...: all that the table says of these, which are the unit's
try() {
    unit=$1
    others=$2
    shift 2
    words=$(words_for units "${1%%:*}" ${2+"${2%%:*}"})
    run_trials "$unit" "$words"
    for program in "$@"; do
        wait_until has_outcomes "$unit" "${program#*:}" "$(echo "$words" | wc -w)"
        check_claims units "${program%%:*}" "${program#*:}" "$machine/var/log/trial-$unit"
    done
}

# ---- the PIN ----

processes() { within pgrep -d ' ' -f '^(/usr/sbin/)?(provisiond|provision-vault|provision-hsm)( |$)'; }

# In argv, the environment or an open descriptor of a process, the PIN's or its file's.
pin_is_in_no_process() {
    [ "$(processes | wc -w)" -ge 5 ] || return 1 # two workers
    in_machine '
        for pid in $1; do
            for file in cmdline environ; do
                ! grep -aqF "$(cat /root/pin)" /proc/$pid/$file || exit 1
            done
            ! ls -l /proc/$pid/fd | grep -q credentials || exit 1
        done' "$(processes)"
}

credential_is_of_hsm_alone() {
    in_machine '
        can_read() { setpriv --reuid=$1 --regid=$1 --clear-groups cat /run/credentials/'$pin_id'; }
        has_credentials() {
            tr "\0" "\n" </proc/$(systemctl show -p MainPID --value $1)/environ |
                grep -q ^CREDENTIALS_DIRECTORY=
        }
        [ "$(find /run/credentials -name "provision*")" = /run/credentials/provision-hsm.service ]
        can_read provision-hsm | cmp /root/pin -
        has_credentials provision-hsm
        for name in provisiond provision-vault; do
            can_read $name && exit 1
            has_credentials $name && exit 1
        done
        true'
}

# root's own copy, from which it was encrypted, is the one that the operator deletes.
pin_is_in_no_file() {
    in_machine '
        journalctl --flush || true
        found=$(grep -rlaF "$(cat /root/pin)" /etc /var /run /tmp /root /home /srv /opt /dev/shm | sort)
        [ "$found" = "$(printf "/root/pin\n/run/credentials/'$pin_id'")" ] || { echo "$found" && exit 1; }
        ! journalctl --no-pager -o export | grep -aqF "$(cat /root/pin)"'
}

# Read from outside the container, where root may: each program's memory that can be written.
pin_is_in_memory_of_hsm_alone() {
    for unit in provisiond provision-vault; do
        ! has_pin_in_memory "$(main_pid $unit)" || { echo "$unit" && return 1; }
    done
    has_pin_in_memory "$(main_pid provision-hsm)"
}

has_pin_in_memory() {
    host_pid=$(grep -l "^NSpid:.*[[:space:]]$1\$" /proc/[0-9]*/status | cut -d/ -f3)
    /usr/bin/python3 "$here/memory_holds.py" "$host_pid" "$machine/root/pin"
}

container_boot
container_install
make_token >/dev/null 2>&1
make_certificates >/dev/null 2>&1
within sh -c 'systemctl enable --now provisiond 2>&1' >/dev/null
wait_until within systemctl is-active provision-hsm provision-vault provisiond
wait_until within test -e "/run/credentials/$pin_id"

claim "the PIN's credential is provision-hsm's alone" credential_is_of_hsm_alone
claim "the PIN is in no argument, environment or open descriptor of any process" pin_is_in_no_process
claim "the PIN is in no file but the credential, and in no log" pin_is_in_no_file
claim "the PIN is in the memory of provision-hsm and of no other program" pin_is_in_memory_of_hsm_alone

mkdir -p "$machine/opt/trial"
cp "$trial_bin/provision-hsm" "$trial_bin/provision-vault" "$trial_bin/provisiond" "$machine/opt/trial"
claim "what is to be refused is there" paths_exist
try provision-hsm "provisiond provision-vault" hsm:provision-hsm worker:provision-hsm-worker
try provision-vault "provisiond provision-hsm" vault:provision-vault
try provisiond "provision-vault provision-hsm" provisiond:provisiond
exit $claims_failed
