#!/bin/sh
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
#
# sandbox.sh SOURCE BIN: what the programs close for themselves, without systemd. Each tries from
# inside what docs/THREATS.md says that it cannot do; all three run as one user, so that nothing but
# their own sandbox is in the way. BIN is a build with crash points.
set -eu
source=$1
bin=$2
threats=$source/docs/THREATS.md
start_timeout_s=30
# shellcheck source=../support/claims.sh
. "$source/tests/support/claims.sh"

dir=$(mktemp -d "${PROVISIOND_TEST_DIR:-/tmp}/sandbox.XXXXXX")
rig=$dir/rig
mkdir "$rig"

finish() {
    for name in provisiond provision-vault provision-hsm; do stop $name; done
    rm -rf "$dir"
}

# start NAME WORDS: returns when it serves
start() {
    : >"$dir/$1.log"
    case $1 in
    provision-hsm) set -- "$@" --pin-fd 0 ;;
    provisiond) set -- "$@" --port-file "$dir/port" ;;
    esac
    name=$1
    words=$2
    shift 2
    PROVISIOND_TRIALS=$words SOFTHSM2_CONF=$rig/softhsm2.conf "$bin/$name" \
        --config "$dir/conf/provisiond.conf" "$@" <"$rig/pin" >"$dir/$name.log" 2>&1 &
    echo $! >"$dir/$name.pid"
    wait_until grep -q '"event": *"ready"' "$dir/$name.log"
}

stop() {
    [ -f "$dir/$1.pid" ] || return 0
    kill "$(cat "$dir/$1.pid")" 2>/dev/null || true
    wait "$(cat "$dir/$1.pid")" 2>/dev/null || true
    rm "$dir/$1.pid"
}

wait_until() {
    tries=$((start_timeout_s * 20))
    until "$@"; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || { cat "$dir"/*.log >&2 && echo "NOT SO: $*" && exit 1; }
        sleep 0.05
    done
}

# value WORD: what the table's words in capitals are here
value() {
    case $1 in
    OTHER) for name in $others; do cat "$dir/$name.pid"; done ;;
    PORT) echo "$port" ;;
    TOKEN) echo "$rig/tokens" ;;
    PIN) echo "$rig/pin" ;;
    LEDGER) echo "$rig/vault/ledger.db" ;;
    IMAGES) echo "$rig/vault/images" ;;
    SERVER_KEY) echo "$rig/tls/server.key" ;;
    CONFIG) echo "$dir/conf" ;;
    VAULT_STATE) echo "$rig/vault" ;;
    HSM_STATE) echo "$rig/tokens" ;;
    esac
}

# The table wants the configuration in a folder of its own.
move_configuration() {
    mkdir "$dir/conf"
    mv "$rig/provisiond.conf" "$dir/conf/"
    chmod 755 "$dir/conf"
}

every_word_was_tried() {
    [ "$(jq -rs '[.[] | select(.event == "trial" and .program == "provision-hsm-worker")] | length' \
        "$dir/provision-hsm.log")" -ge "$(echo "$words" | wc -w)" ]
}

# What only an intruder tries is no mere error for him.
check_that_intruders_die() {
    for word in execve "ptrace:$(cat "$dir/provision-hsm.pid")" mount:/tmp module bpf; do
        [ "$(outcome "$1" "$word" "$dir/$1.log")" = "killed 31" ] && continue # SIGSYS
        echo "NOT SO: $1 dies of $word"
        claims_failed=1
    done
}

# try NAME IN-TABLE...: starts it anew, and it tries
try() {
    name=$1
    shift
    stop "$name"
    words=$(words_for everywhere "$@")
    start "$name" "$words"
}

trap finish EXIT
trap 'exit 1' INT TERM
sh "$source/rig/rig.sh" "$bin" up --dir "$rig" --quota 1 >/dev/null
sh "$source/rig/rig.sh" "$bin" down --dir "$rig" >/dev/null
move_configuration
start provision-vault ""
start provisiond ""
port=$(cat "$dir/port")

others="provisiond provision-vault"
try provision-hsm hsm worker
wait_until every_word_was_tried
check_claims everywhere hsm provision-hsm "$dir/provision-hsm.log"
check_claims everywhere worker provision-hsm-worker "$dir/provision-hsm.log"
others="provisiond provision-hsm"
try provision-vault vault
check_claims everywhere vault provision-vault "$dir/provision-vault.log"
check_that_intruders_die provision-vault
others="provision-vault provision-hsm"
try provisiond provisiond
check_claims everywhere provisiond provisiond "$dir/provisiond.log"
check_that_intruders_die provisiond

port=$(cat "$dir/port")

# With sandbox = module, three things of the table are open; that they can be done shows, too, that
# trials are able to find something.
sed -i 's/^\[hsm\]/&\nsandbox = module/' "$dir/conf/provisiond.conf"
others="provisiond provision-vault"
try provision-hsm hsm worker
wait_until every_word_was_tried
for program in provision-hsm provision-hsm-worker; do
    for word in execve "connect:$port" writable-code made-code memory-code; do
        [ "$(outcome $program "$word" "$dir/provision-hsm.log")" = "done 0" ] && continue
        echo "NOT SO: with sandbox = module, $program can do $word"
        claims_failed=1
    done
    for word in setuid keyctl unshare userfaultfd dumpable core; do
        is_held "$(outcome $program "$word" "$dir/provision-hsm.log")" "$word" && continue
        echo "NOT SO: with sandbox = module, $program cannot do $word"
        claims_failed=1
    done
done
exit $claims_failed
