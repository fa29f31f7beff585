#!/bin/sh
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
#
# architecture.sh SOURCE-DIR: which room includes which, from the sources themselves, printed as a
# matrix; fails for an arrow that docs/ARCHITECTURE.md does not have.
set -eu
cd "$1"

rooms="core config journal backup grant audit device license image pack seal ledger hsm handover vault api cli daemon rig"

# FROM:TO... : the arrows that are allowed. Every room may include itself.
allowed="config:core device:core license:core image:core ledger:core ledger:journal
 journal:core backup:core backup:journal grant:core audit:core audit:journal audit:grant
 hsm:core hsm:config handover:core pack:core pack:license pack:image seal:core seal:license seal:pack
 vault:core vault:config vault:journal vault:grant vault:device vault:license vault:image vault:ledger vault:hsm vault:handover vault:pack
 api:core api:config api:vault api:journal
 cli:core cli:config cli:backup cli:vault cli:license cli:image cli:journal cli:grant cli:audit cli:handover cli:pack cli:seal
 daemon:core daemon:config daemon:api daemon:vault daemon:hsm
 rig:core"

# The only headers of a neighbour's room that may be included, sorted: its asking side, or formats.
only_header() {
    case $1 in
    vault:hsm) echo hsm/hsm_client.h ;;
    api:vault | cli:vault) echo vault/vault_client.h ;;
    cli:image) echo image/mcuboot.h image/st_sfi.h ;;
    api:journal) echo journal/tile.h ;;
    esac
}

includes() { # includes FROM TO: the distinct headers of TO that FROM includes
    find "$1" -name '*.[ch]' -exec grep -hoE "^#include \"$2/[a-z0-9_/]+\.h\"" {} + | sort -u |
        sed 's/.*"\(.*\)"/\1/'
}

failed=0
printf '%-9s' ''
for to in $rooms; do printf '%-9s' "$to"; done
echo
for from in $rooms; do
    printf '%-9s' "$from"
    for to in $rooms; do
        headers=$(includes "$from" "$to")
        mark=.
        if [ -n "$headers" ] && [ "$from" != "$to" ]; then
            mark=x
            case " $(echo $allowed) " in
            *" $from:$to "*) ;;
            *) mark='!!' failed=1 ;;
            esac
            only=$(only_header "$from:$to")
            [ -z "$only" ] || [ "$(echo $headers)" = "$only" ] || { mark='!!' failed=1; }
        fi
        printf '%-9s' "$mark"
    done
    echo
done
[ $failed = 0 ] || { echo "architecture: '!!' is an arrow that docs/ARCHITECTURE.md does not have" >&2; exit 1; }
