#!/bin/sh
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
#
# ten_commands.sh: takes the commands of the documents as they stand there and runs them on a fresh
# machine with the packages: docs/install.md up to a license, then what operators, integrators and the
# maker's officers do. So that documents and product cannot part.
set -eu
here=$(dirname "$0")
docs=$here/../../docs
# shellcheck source=tests/package/container.sh
. "$here/container.sh"

die() {
    echo "ten_commands: $*" >&2
    exit 1
}

# section DOCUMENT HEADING: the commands under a heading of a document; those under all for "".
section() {
    sed '/^```/,/^```/d' "$docs/$1" |
        if [ -n "$2" ]; then sed -n "/^## $2\$/,/^## /s/^    //p"; else sed -n 's/^    //p'; fi |
        grep . || die "$1 has no commands under '$2'"
}

# How many commands a person types: comments and continued lines do not count.
count() { sed -e '/^#/d' -e ':a' -e '/[\\|]$/{N;s/\n/ /;ba' -e '}' | wc -l; }

# follow DOCUMENT [HEADING [COMMANDS]]: runs its commands on a terminal, in the folder with the packages,
# after those given. Words that stand for a value of the reader's are variables here.
follow() {
    commands=$(section "$1" "${2:-}")
    {
        echo 'set -eu -o pipefail; cd /root/trial; export SYSTEMD_PAGER=cat'
        echo "${3:-}"
        echo "$commands" | sed 's/\bDIGEST\b/$DIGEST/; s/\bINSTALL_ID\b/$INSTALL_ID/'
    } >"$machine/root/commands"
    /usr/bin/python3 "$here/answers.py" nsenter -t "$leader" -a -- bash /root/commands \
        >"$machine.log" 2>&1 || { cat "$machine.log" >&2; die "$1: the commands of '${2:-}' fail"; }
}

has_said() { grep -q "$1" "$machine.log" || { cat "$machine.log" >&2; die "nobody said '$1'"; }; }

commands=$(section install.md 'Ten commands')
n=$(echo "$commands" | count)
[ "$n" -le 10 ] || die "they are $n commands"

container_boot
mkdir "$machine/root/trial"
cp "$packages"/provctl_*.deb "$packages"/provisiond_*.deb "$machine/root/trial"
follow install.md 'Something to try with'
follow install.md 'Ten commands'
has_said 'charged=yes remaining=999'

follow integrator.md
has_said '"status":"ready"'
has_said 'charged.*false'

follow daily.md 'Is all well'
has_said 'Anchor *ok'
follow daily.md 'Products and quotas'
follow daily.md Images "DIGEST=\$(provctl image encrypt --product pump device.key | grep -o 'sha256:[0-9a-f]*')"
follow daily.md Stations
as_operator='dir=/etc/provisiond/pki; provctl operator enroll olga --out-dir $dir >/dev/null
    export PROVCTL_URL=https://localhost:8443 PROVCTL_CA=$dir/ca.pem
    export PROVCTL_CERT=$dir/olga.pem PROVCTL_KEY=$dir/olga.key
    INSTALL_ID=$(provctl install list --json | jq -r ".installs[0].install_id")'
follow daily.md 'What happened' "$as_operator"
follow daily.md 'Certificates and revocation'

follow disaster.md Backup
follow disaster.md 'Opening a backup'
has_said 'manifest\|OK'

follow officer.md
has_said '5000'
