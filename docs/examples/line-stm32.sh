#!/bin/sh
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
#
# line-stm32.sh IMAGE: one chip through STM32_Programmer_CLI, from its certificate to the outcome.
#
# For chips that install by themselves (docs/profiles/st-sfi.md): the script of a line that used an
# HSM card, with one change: where the card was asked for the license, provctl is. Beside what line.sh
# wants:
#
#   PROGRAMMER  the programmer's command line tool   (STM32_Programmer_CLI)
#   PORT        how it reaches the chip              (port=swd mode=HOTPLUG)
set -eu
. "$(dirname "$0")/line.sh"
begin "${1:-}"

# The words of -c are several. Its exit status is 1 for whatever went wrong.
# shellcheck disable=SC2086
stm32() { tool "${PROGRAMMER:-STM32_Programmer_CLI}" -c ${PORT:-port=swd mode=HOTPLUG} "$@"; }

# 1. Who is it? A chip that cannot be read has no install, and there is nothing to report.
stm32 -gc "$work/certificate.bin" ||
    stop 1 "the chip cannot be read (STM32_Programmer_CLI: $code): $(errors)"

# 2. Its license. Asking again for the same chip is free.
get_license --st-certificate "$work/certificate.bin"

# 3. The chip installs by itself and closes; an install that failed may simply be tried again.
install_chip() { stm32 -sfi protocol=static "$image" hsm=0 "$work/license.bin"; }
install_chip || install_chip || failed "stm32-$code" "$(errors)"
succeeded
