#!/bin/sh
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
#
# sfi-line.sh IMAGE: one chip on the programmer, from its certificate to the reported outcome.
#
# The script of a line that used an HSM card, with one change: where the card was asked for the
# license, provctl is. Set in the environment, once for the station:
#
#   PROVCTL_URL PROVCTL_CA PROVCTL_CERT PROVCTL_KEY    the server and this station's certificate
#   PROVCTL_PRODUCT                                    what is built here
#   PROGRAMMER    the programmer's command line tool   (default STM32_Programmer_CLI)
#   PORT          how it reaches the chip              (default port=swd)
#
# Exit status: 0 installed and reported; that of provctl when it refused (10 quota spent, 12 not
# genuine, 13 conflict or scrapped, 20 try again, 64 a setting is missing or wrong; 1 also for a file
# that is no image of the product); 1 when the programmer failed.
set -eu

[ -r "${1:-}" ] || { echo "usage: sfi-line.sh IMAGE (the encrypted image, a file)" >&2; exit 64; }
image=$1
programmer=${PROGRAMMER:-STM32_Programmer_CLI}
port=${PORT:-port=swd}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# 1. The chip's certificate, and which image this is: a license for another would be of no use.
"$programmer" -c "$port" -gc "$work/cert.bin" || exit 1
digest=$(sha256sum <"$image" | cut -c1-64)

# 2. Its license: the one line that changed. Asking again for the same chip is free.
provctl license --image "sha256:$digest" --st-certificate "$work/cert.bin" \
    --out "$work/license.bin" >"$work/line"
read -r install rest <"$work/line"
echo "license: $install $rest"

# 3. The chip installs by itself; an install that failed may simply be tried again.
try() {
    "$programmer" -c "$port" -sfi protocol=static "$image" hsm=0 "$work/license.bin"
}
if try || try; then
    provctl outcome "$install" succeeded
    exit 0
fi

# 4. A failure is reported for a chip that was charged just now. One that had its license before may
#    be installed and closed already (it was seated twice), or be a copy of the chip that is: what
#    was reported for that one must stay.
case $rest in
charged=yes*) provctl outcome "$install" failed --code programmer ;;
*) echo "not installed, and nothing reported: it had a license before. Closed already, or a copy?" >&2 ;;
esac
exit 1
