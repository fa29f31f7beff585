#!/bin/sh
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
#
# receipt.sh RECEIPT KEY: whether the receipt that a station got (GET /v1/licenses/…/receipt) proves
# that its leaf is in a journal whose head KEY (PEM) has signed. Go's tlog judges. PROVISIOND_BIN is
# the build folder.
set -eu
jq -c --rawfile key "$2" '. + {op: "receipt", key: $key}' "$1" |
    "$PROVISIOND_BIN/tests/judge/tlog-judge" >/dev/null
