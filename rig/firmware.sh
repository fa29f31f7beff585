#!/bin/sh
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
#
# firmware.sh OUT: writes a real firmware as a flat binary.
#
# The source is Debian's package firmware-microbit-micropython, an Intel HEX file. Only the flash
# range below 0x40000 is kept: the file also holds a record of the chip's configuration registers
# at 0x10001000, which would make the binary 256 MiB long.
set -eu

out=$1
hex=/usr/share/firmware-microbit-micropython/firmware.hex
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

[ -r "$hex" ] || { echo "firmware.sh: $hex is missing; install firmware-microbit-micropython" >&2; exit 1; }

# Type 04 records set the upper 16 address bits; everything under 0x0004xxxx and up is left out.
tr -d '\r' <"$hex" | awk '
    substr($0, 8, 2) == "04" { is_flash = substr($0, 10, 4) ~ /^000[0-3]$/ }
    substr($0, 8, 2) == "01" { print; exit }
    is_flash || substr($0, 8, 2) == "04" && is_flash { print }
' >"$work/flash.hex"
objcopy -I ihex -O binary --gap-fill 0xff "$work/flash.hex" "$out"
