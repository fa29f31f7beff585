# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
#
# shellcheck shell=sh
#
# line.sh: what the line scripts beside it share; they read it in. What to report is decided here, how
# a programmer is driven there. Set in the environment, once for the station:
#
#   PROVCTL_URL PROVCTL_CA PROVCTL_CERT PROVCTL_KEY    the server and this station's certificate
#   PROVCTL_PRODUCT                                    what is built here
#   TOOL_SECONDS     after which a programmer that does not end is ended (120)
#   INSTALL_SECONDS  how long a boot loader may take to install (10); not for line-stm32.sh
#
# Exit status of the line scripts:
#
#   0   installed and reported
#   1   not installed. It is reported as failed, with the programmer's exit status as the code and
#       its error lines as the detail; or nothing is reported, and the last line says why
#   10, 11, 12, 13, 20, 64   as provctl's, which refused: quota spent, this station may not, not
#       genuine, conflict or scrapped, try again, wrong words. 12 also: the board cannot open its
#       license. 20 also: installed or not, but the report did not arrive; seat the board again
#
# The same board may be seated as often as you like: it gets the same license, and costs one unit.

DETAIL_MAX_BYTES=256

stop() { # STATUS TEXT
    printf '%s: %s\n' "${0##*/}" "$2" >&2
    exit "$1"
}

# begin IMAGE SETTING...: the settings are there, and $work is a folder for this run.
begin() {
    image=${1:-}
    [ -r "$image" ] || stop 64 "usage: ${0##*/} IMAGE (the encrypted image, a file)"
    shift
    for setting in PROVCTL_URL PROVCTL_CA PROVCTL_CERT PROVCTL_KEY PROVCTL_PRODUCT "$@"; do
        eval "[ -n \"\${$setting:-}\" ]" || stop 64 "$setting is not set"
    done
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    trap 'exit 1' INT TERM
}

# ---- the programmer ----

# tool COMMAND...: runs it, for some time and no longer. What it said is shown and kept.
tool() {
    code=0
    timeout -k 5 "${TOOL_SECONDS:-120}" "$@" >"$work/said" 2>&1 </dev/null || code=$?
    cat "$work/said" >&2
    [ $code != 124 ] || echo "Error: no end after ${TOOL_SECONDS:-120} s" | tee -a "$work/said" >&2
    return $code
}

# Its error lines in one; without any, its last one.
errors() {
    { grep -E '[Ee]rror|[Ff]ail|FAIL|[Cc]annot|ould not' "$work/said" || tail -n 1 "$work/said"; } |
        LC_ALL=C sed 's/[^ -~]//g; s/^[ *]*//; s/[ *]*$//' | paste -sd ';' | sed 's/;/; /g' |
        cut -c "-$DETAIL_MAX_BYTES" | grep . || echo "it said nothing"
}

# ---- the license ----

# get_license OPTION CERTIFICATE: for the image of this run; a license for another one would be of no
# use. The license is $work/license.bin, and $install and $charged are what the report needs.
get_license() {
    digest=$(sha256sum <"$image" | cut -c1-64)
    provctl license --image "sha256:$digest" "$1" "$2" --out "$work/license.bin" >"$work/line"
    read -r install charged rest <"$work/line"
    echo "license: $install $charged $rest"
}

# ---- the report ----

report() { # RESULT [OPTION...]
    provctl outcome "$install" "$@" && return 0
    code=$?
    stop $code "$install $1 is NOT REPORTED: seat the board again when the service is back"
}

succeeded() {
    report succeeded
    exit 0
}

# What is recorded for this install: unreported, succeeded or failed; nothing when nobody can say.
recorded() {
    provctl install show "$install" --json 2>/dev/null |
        sed -n 's/.*"result": *"\([a-z]*\)".*/\1/p'
}

# failed CODE DETAIL. A board whose license was charged just now cannot have been installed before.
# Any other could be a copy of one that was, or that one itself, seated twice: a success stays.
failed() {
    echo "not installed: $1: $2" >&2
    [ "$charged" = charged=yes ] && known=unreported || known=$(recorded)
    case $known in
    unreported | failed) report failed --code "$1" --detail "$2" ;;
    succeeded) stop 1 "nothing reported: $install has succeeded before. Seated twice, or a copy?" ;;
    *) stop 1 "nothing reported: what is known of $install cannot be read. Seat the board again" ;;
    esac
    exit 1
}

# judge WORD: four letters that the boot loader left when it was through; none when it is not.
judge() {
    case $1 in
    DONE) succeeded ;;
    # It is not the device that was licensed, and its failure is not that one's.
    ELIC) stop 12 "nothing reported: the board cannot open its license. Set it aside: a copy?" ;;
    "") failed boot-silent "the boot loader left no word within ${INSTALL_SECONDS:-10} s" ;;
    *) failed "boot-$1" "the boot loader left the word $1" ;;
    esac
}

# ---- boards with a boot loader of their own (line-openocd.sh, line-jlink.sh) ----

# The maker left the board's certificate in its flash, in DER; what follows it there is ignored.
certificate_from() { # FILE
    openssl x509 -inform DER -in "$1" -out "$work/certificate.pem" 2>/dev/null ||
        stop 1 "there is no certificate at $CERT_AT"
}

# What goes to LICENSE_AT: how long the image is, 32 bits little endian, then the license.
license_area() {
    size=$(stat -Lc %s "$image")
    octal=$(printf '\\0%03o\\0%03o\\0%03o\\0%03o' $((size & 255)) $((size >> 8 & 255)) \
        $((size >> 16 & 255)) $((size >> 24 & 255)))
    { printf '%b' "$octal" && cat "$work/license.bin"; } >"$work/area.bin"
}

# wait_for_word NAME COMMAND...: which reads 4 bytes at RESULT_AT into $work/word.bin, with the tool of
# that name.
wait_for_word() {
    name=$1
    shift
    seconds=${INSTALL_SECONDS:-10}
    while :; do
        "$@" || failed "$name-$code" "$(errors)"
        word=$(tr -cd 'A-Z0-9' <"$work/word.bin")
        [ -z "$word" ] && [ "$seconds" -gt 0 ] || break
        seconds=$((seconds - 1))
        sleep 1
    done
    judge "$word"
}
