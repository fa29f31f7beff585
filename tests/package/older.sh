# shellcheck shell=sh
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
#
# To be read by machine.sh: a ledger of an older version under newer packages, and the way back. The
# programs of that version are not there any more; its tables and triggers are.

state_vault=/var/lib/provision-vault
old_schema=tests/unit/ledger/schema_3.sql
old_rows=tests/unit/ledger/rows_3.sql

# tables_of FILE: their version, as the file's header has it
tables_of() { od -An -tu1 -j 63 -N 1 "$machine$state_vault/$1" | tr -d ' '; }

# What the vault has now, in the tables of version 3. Nobody has it open.
make_ledger_old() {
    modern=$machine/root/modern.db
    ledger=$machine$state_vault/ledger.db
    [ ! -e "$ledger-wal" ] || return 1
    mv "$ledger" "$modern"
    {
        sed '/^CREATE TRIGGER/,$d' $old_schema
        echo "COMMIT; ATTACH '$modern' AS modern; BEGIN;"
        cat $old_rows
        sed -n '/^CREATE TRIGGER/,$p' $old_schema
    } | sqlite3 -bail "$ledger" || return 1
    chown --reference="$modern" "$ledger"
    chmod --reference="$modern" "$ledger"
    [ "$(tables_of ledger.db)" = 3 ]
}

# The order of docs/disaster.md: after it nothing starts while files are moved.
went_back() {
    in_machine 'cd /root && DEBIAN_FRONTEND=noninteractive apt-get install -y --allow-downgrades \
            --no-install-recommends ./*.deb
        systemctl stop provisiond.socket provisiond provision-vault' || return 1
    sleep 3 # longer than RestartSec=
    in_machine 'none pgrep "provision-vault|provisiond"'
}

older_ledger_goes_on() {
    went_back && make_ledger_old || return 1
    in_machine 'DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends /root/newer/*.deb
        systemctl start provisiond.socket provisiond'
    until_true $ready_s is_ready || return 1
    [ "$(tables_of ledger.db)" = 9 ] && [ "$(tables_of ledger.db.v3)" = 3 ] || return 1
    licensed 1 && account_is_exact
}
