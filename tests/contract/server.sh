#!/bin/sh
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
#
# server.sh SOURCE BIN ROUTES
#
# Holds a whole running service against api/openapi.yaml: starts a rig with the programs of BIN, lets
# each judge of this folder at it, and says which of them had something to say. ROUTES prints the
# route table of these programs. PROVISIOND_NODE_DIR: where Redocly is (BIN/node without it).
set -eu
source=$1
bin=$2
routes=$3
here=$source/tests/contract
openapi=$source/api/openapi.yaml
python=/usr/bin/python3 # Debian's, with the modules that debian/control lists
node=${PROVISIOND_NODE_DIR:-$bin/node}
rig=$(mktemp -d "${PROVISIOND_TEST_DIR:-/tmp}/contract.XXXXXX")
export PYTHONDONTWRITEBYTECODE=1

clean_up() {
    [ ! -f "$rig/run-dir" ] || sh "$source/rig/rig.sh" "$bin" down --dir "$rig" >/dev/null
    rm -rf "$rig"
}
trap clean_up EXIT
trap 'exit 1' INT TERM HUP

failed=
# judge COMMAND SCRIPT WORD...
judge() {
    printf '== %s %s\n' "$(basename "$2")" "$3"
    "$@" || failed="$failed $(basename "$2")"
}

sh "$source/rig/rig.sh" "$bin" up --dir "$rig" --quota 1000 --governed 1000 --profiles no
judge $python "$here/matrix.py" "$openapi" "$routes" "$rig"
judge $python "$here/bad_input.py" "$openapi" "$rig"
judge sh "$here/promtool.sh" metrics "$rig" "$source/docs/metrics.md"
judge $python "$here/redocly.py" install "$node"
judge $python "$here/redocly.py" respect "$node" "$openapi" "$rig"
judge $python "$here/without_vault.py" "$openapi" "$rig"
[ -z "$failed" ] || { echo "not as the contract says:$failed" && exit 1; }
