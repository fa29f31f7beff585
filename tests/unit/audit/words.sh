#!/bin/sh
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
#
# words.sh SOURCE-DIR: docs/verify.md names exactly the findings that the audit can make.
set -eu
cd "$1"

# Each word stands alone in quotes; the reasons of faults and of other rooms' answers are no findings.
made() {
    cat audit/replay*.c audit/documents.c audit/verify*.c |
        grep -oE '"[a-z]+(-[a-z]+)+"|"(root|identity|origin)"' | tr -d '"' | sort -u |
        grep -vxE 'key-malformed|per-device|per-license|product-created'
}

named() {
    sed -n '/^| word/,$p' docs/verify.md | sed 's/^| \([^|]*\) |.*/\1/' |
        grep -oE '`[a-z-]+`' | tr -d '`' | sort -u
}

made >"${TMPDIR:-/tmp}/audit-made.$$"
named >"${TMPDIR:-/tmp}/audit-named.$$"
trap 'rm -f "${TMPDIR:-/tmp}/audit-made.$$" "${TMPDIR:-/tmp}/audit-named.$$"' EXIT
diff "${TMPDIR:-/tmp}/audit-made.$$" "${TMPDIR:-/tmp}/audit-named.$$"
