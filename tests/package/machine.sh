#!/bin/sh
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
#
# machine.sh: the packages of build/deb on a Debian of their own, as an operator meets them: from
# installation to purge, one boot for all of it. Prints each claim that held. Needs root.
set -eu
here=$(dirname "$0")
. "$here/container.sh"
. "$here/operator.sh"
. "$here/under_load.sh"
. "$here/broken.sh"
. "$here/clocks.sh"
. "$here/boot.sh"
. "$here/older.sh"
. "$here/leaving.sh"

case ${PROVISIOND_TEST_SIZES:-short} in
long) restarts=50 devices=100 ;;
*) restarts=10 devices=20 ;;
esac

# claim WHAT COMMAND...: the first one that does not hold ends the test.
claim() {
    what=$1
    shift
    # In the background: where a command's status is asked for, the shell goes on after an error in it.
    "$@" >"$machine.said" 2>&1 &
    if ! wait $!; then
        cat "$machine.said"
        within journalctl --no-pager -n 40 -o short-monotonic || true
        echo "NOT SO: $what"
        exit 1
    fi
    echo "holds: $what"
}

nothing_runs_yet() {
    in_machine '
        for unit in provision-hsm.service provision-vault.service provisiond.service provisiond.socket; do
            none systemctl is-active $unit
            none systemctl is-enabled $unit
        done
        none curl -sk https://localhost:8443/livez
        none pgrep provision
        [ -z "$(find /etc/systemd/system -name "provision*")" ]'
}

socket_answers() { in_machine 'curl -sf --cacert /root/pki/ca.pem https://localhost:8443/livez'; }

container_boot
list_files >"$machine.before"
container_install
claim "the packages install, and nothing runs or is enabled by itself" nothing_runs_yet
claim "a token and its PIN credential are made by the users that the package brought" make_token
claim "provctl and openssl make the certificates" make_certificates
claim "provisiond is enabled and started by one command" within systemctl enable --now provisiond
claim "the socket answers" socket_answers
new_device_ca >/dev/null 2>&1
claim "devices have certificates" new_devices 1 $devices
claim "a site, a product, an image and a station are made, and it is ready" make_site
claim "provctl gets a license over mTLS, which opens on the device" licensed 1
claim "curl gets the same license over mTLS" licensed_by_curl 1
claim "it cost one unit" account_is_exact
claim "$restarts restarts under load refuse nothing and charge nothing twice" restarts_under_load
claim "a reload keeps every connection" reloads_under_load
claim "a vault that hangs is killed and started again, and gives licenses" vault_hangs 2
# Each is one clear line with its remedy, writes nothing, and needs no hand once it is mended.
claim "a missing PIN credential is one clear line" credential_is_missing
claim "a missing module is one clear line" module_is_missing
claim "a token that is another user's is one clear line" token_is_of_another_user
claim "a state folder that provision-hsm cannot write is one clear line" state_of_hsm_cannot_be_written
claim "a state folder that the vault cannot write is one clear line" state_of_vault_cannot_be_written
claim "a ledger that is another user's is one clear line" ledger_is_of_another_user
claim "a full disk is one clear line" disk_is_full
claim "a port in use is one clear line" port_is_in_use
claim "provision-hsm works with the drop-ins for vendors' modules" drop_ins_fit
claim "a ledger that was moved is one clear line, and works with the drop-in for that" ledger_is_moved
claim "a broken certificate is one clear line; stations wait, and are served when it is mended" certificate_is_broken
claim "an expired server certificate is one clear line" certificate_has_expired
claim "a server certificate that expires while it is served is one clear line" certificate_expires_meanwhile
claim "a clock set back ten years is one clear line of the vault, and nothing is charged or lost" clock_of_vault_is_set_back
claim "a clock set back ten years is one clear line of provisiond" clock_of_front_is_set_back
claim "an upgrade under load loses nothing, charges nothing twice, and keeps the socket open" upgrade_under_load
claim "a ledger of older tables goes on under newer packages; nothing starts on the way back" older_ledger_goes_on
set_address
container_stop
container_start
claim "after a boot all is there again, with an address that comes later" came_back
claim "the packages can be removed and installed again, and all goes on" removed
claim "a purge keeps ledger, images and keys, and says where" purged_and_kept
claim "the packages go on with what was kept" goes_on_after_purge
claim "a purge that is told so leaves nothing but the users" purged_and_destroyed
