#!/bin/sh
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
#
# consistency.sh NOTE EXPORT: whether the exported journal extends the checkpoint NOTE, and the key
# in the export has signed both. Go's tlog judges. PROVISIOND_BIN is the build folder.
set -eu
jq -cn --rawfile note "$1" --arg export "$2" '{op: "export", note: $note, export: $export}' |
    "$PROVISIOND_BIN/tests/judge/tlog-judge" >/dev/null
