#!/bin/sh
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
#
# line-jlink.sh IMAGE: one board through J-Link Commander, from its certificate to the outcome.
#
# As line-openocd.sh, for the same kind of board. Beside what line.sh wants:
#
#   JLINK_DEVICE        the chip's name, as SEGGER's list has it
#   JLINK_OPTIONS       if others are needed (-If SWD -Speed 4000); -SelectEmuBySN with several probes
#   CERT_AT CERT_BYTES  where in flash the maker left the board's certificate (DER; 2048 bytes)
#   IMAGE_AT LICENSE_AT where the boot loader looks for the image, and for its size and the license
#   RESULT_AT           4 bytes of RAM, where the boot loader says DONE, ELIC or another word
#
# Addresses are hexadecimal with 0x: Commander reads every number as hexadecimal.
set -eu
. "$(dirname "$0")/line.sh"
begin "${1:-}" JLINK_DEVICE CERT_AT IMAGE_AT LICENSE_AT RESULT_AT

# jlink COMMAND...: without -ExitOnError its exit status is 0, whatever happened. A Commander that
# ends early for another reason has not said the last line.
jlink() {
    printf '%s\n' "$@" exit >"$work/commands.jlink"
    # shellcheck disable=SC2086 # JLINK_OPTIONS is several words
    tool JLinkExe -NoGui 1 -ExitOnError 1 -AutoConnect 1 -Device "$JLINK_DEVICE" \
        ${JLINK_OPTIONS:--If SWD -Speed 4000} -CommandFile "$work/commands.jlink" || return
    grep -q '^Script processing completed' "$work/said"
}

# 1. Who is it? A board that cannot be read has no install, and there is nothing to report.
bytes=$(printf '0x%x' "${CERT_BYTES:-2048}")
jlink "savebin $work/certificate.der, $CERT_AT, $bytes" ||
    stop 1 "the board cannot be read (JLinkExe: $code): $(errors)"
certificate_from "$work/certificate.der"

# 2. Its license. Asking again for the same board is free.
get_license --device-cert "$work/certificate.pem"

# 3. Image and license into its flash, the word of the last run out of its RAM, and go.
cp "$image" "$work/image.bin" # a name without blanks and with .bin, whatever the image is called
license_area
jlink r h "loadbin $work/image.bin, $IMAGE_AT" "verifybin $work/image.bin, $IMAGE_AT" \
    "loadbin $work/area.bin, $LICENSE_AT" "verifybin $work/area.bin, $LICENSE_AT" \
    "w4 $RESULT_AT, 0x0" r g || failed "jlink-$code" "$(errors)"

# 4. How it went, in the boot loader's own word.
wait_for_word jlink jlink "savebin $work/word.bin, $RESULT_AT, 0x4"
