#!/bin/sh
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
#
# by_hand.sh: runs the commands of docs/by-hand.md as they stand there, at the top of the source; only
# the folder is another one.
set -eu
dir=$(mktemp -d "${PROVISIOND_TEST_DIR:-/tmp}/hand.XXXXXX")
trap './dev rig down --dir "$dir/rig" >/dev/null 2>&1 || true; rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM
sed -n 's/^    //p' docs/by-hand.md | sed "s|/tmp/rig|$dir/rig|g" >"$dir/commands"
bash -eu -o pipefail "$dir/commands" >"$dir/said" 2>&1 || { cat "$dir/said"; exit 1; }
grep -q 'the device has the firmware' "$dir/said" || { cat "$dir/said"; exit 1; }
