#!/bin/sh
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
#
# line-openocd.sh IMAGE: one board through OpenOCD, from its certificate to the reported outcome.
#
# For a board whose boot loader opens the license with the board's own key and installs the image by
# itself (docs/profiles/cms.md); OpenOCD only puts both into its flash. Beside what line.sh wants:
#
#   OPENOCD_BOARD       how it reaches the board: -f interface/cmsis-dap.cfg -f target/stm32l4x.cfg
#   CERT_AT CERT_BYTES  where in flash the maker left the board's certificate (DER; 2048 bytes)
#   IMAGE_AT LICENSE_AT where the boot loader looks for the image, and for its size and the license
#   RESULT_AT           4 bytes of RAM, where the boot loader says DONE, ELIC or another word
set -eu
. "$(dirname "$0")/line.sh"
begin "${1:-}" OPENOCD_BOARD CERT_AT IMAGE_AT LICENSE_AT RESULT_AT

# openocd COMMAND...: connect, then each command (Tcl); the first that fails ends it with status 1.
openocd() {
    set -- init "$@" shutdown
    for command in "$@"; do
        set -- "$@" -c "$command"
        shift
    done
    # shellcheck disable=SC2086 # OPENOCD_BOARD is several words
    tool openocd $OPENOCD_BOARD "$@"
}

# 1. Who is it? A board that cannot be read has no install, and there is nothing to report.
openocd "reset halt" "dump_image {$work/certificate.der} $CERT_AT ${CERT_BYTES:-2048}" ||
    stop 1 "the board cannot be read (openocd: $code): $(errors)"
certificate_from "$work/certificate.der"

# 2. Its license. Asking again for the same board is free.
get_license --device-cert "$work/certificate.pem"

# 3. Image and license into its flash, the word of the last run out of its RAM, and go.
cp "$image" "$work/image.bin" # a name without braces, whatever the image is called
license_area
openocd "program {$work/image.bin} $IMAGE_AT verify" "program {$work/area.bin} $LICENSE_AT verify" \
    "mww $RESULT_AT 0" "reset run" || failed "openocd-$code" "$(errors)"

# 4. How it went, in the boot loader's own word.
wait_for_word openocd openocd "dump_image {$work/word.bin} $RESULT_AT 4"
