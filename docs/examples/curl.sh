#!/bin/sh
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
#
# curl.sh: what a station asks of provisiond, as plain HTTP requests, to be read and taken apart.
#
#   curl.sh license DEVICE.pem OUT                     one license, its bytes in the file OUT
#   curl.sh license-json DEVICE.pem                    the same as JSON, the bytes in base64
#   curl.sh batch DIR DEVICE.pem...                    up to 256 devices at once, DIR/DEVICE.lic each
#   curl.sh outcome INSTALL_ID RESULT [CODE [DETAIL]]  succeeded, failed or scrapped
#   curl.sh receipt LICENSE_ID OUT                     the proof that the license is in the journal
#   curl.sh image DIGEST OUT                           the encrypted image; goes on where it broke off
#   curl.sh read PATH                                  /v1/self, /v1/products/NAME/usage, ...
#   curl.sh list WHAT [QUERY]                          installs 'result=failed&lot=7', one a line
#
# Needs curl 7.76 and jq 1.6. Set in the environment:
#
#   PROVCTL_URL PROVCTL_CA PROVCTL_CERT PROVCTL_KEY    the server and this station's certificate
#   PROVCTL_PRODUCT                                    for license and batch
#   LOT LINE                                           if wanted: recorded with each license
#   PROVCTL_TIMEOUT                                    seconds for all tries together (30)
#
# Exit status, as provctl's: 0 done (a repeat too), 10 quota spent, 11 this station may not, 12 the
# device is not genuine, 13 conflict or scrapped, 20 try again, 64 wrong words, 1 anything else.
set -eu

usage() {
    sed -n 's/^#   \(curl\.sh .*\)/\1/p' "$0" >&2
    exit 64
}

say() { printf 'curl.sh: %s\n' "$*" >&2; }

# ---- one request, asked until it is answered ----

tls() { curl -sS --cacert "$PROVCTL_CA" --cert "$PROVCTL_CERT" --key "$PROVCTL_KEY" "$@"; }

# Nothing came, or half of it: refused, cut off, timed out, empty (curl's numbers). Ask again.
is_lost() {
    case $1 in
    7 | 18 | 28 | 35 | 52 | 55 | 56) return 0 ;;
    *) return 1 ;;
    esac
}

# header NAME: of the last answer
header() { tr -d '\r' <"$work/headers" | sed -n "s/^$1: *//Ip" | tail -n 1; }

# ask PATH [CURL-OPTION...]: the answer is in $work/body, its headers in $work/headers. Whatever is
# sent again is answered again and never charged twice; so the only rule is when to stop.
ask() {
    path=$1
    shift
    end=$(($(date +%s) + ${PROVCTL_TIMEOUT:-30}))
    pause=1
    while :; do
        left=$((end - $(date +%s)))
        lost=0
        : >"$work/headers"
        status=$(tls --max-time $((left > 0 ? left : 1)) -D "$work/headers" -o "$work/body" \
            -w '%{http_code}' "$@" "$PROVCTL_URL$path") || lost=$?
        case $lost:$status in
        0:2??) return 0 ;;
        0:*) jq -e '.retryable == true' "$work/body" >/dev/null 2>&1 || refuse ;;
        *) is_lost $lost || exit 1 ;; # curl said why: a wrong CA, no such host, an unreadable key
        esac
        # As long as the server says, or a pause that grows, and a bit, so that stations that lost
        # the same server do not come back in step.
        after=$(header Retry-After)
        [ "${after:-0}" -le $pause ] || pause=$after
        [ $(($(date +%s) + pause)) -lt $end ] || break
        sleep "$pause.$(($(od -An -N 1 -t u1 /dev/urandom) % 10))"
        pause=$((pause < 8 ? pause * 2 : pause))
    done
    say "no answer but 'later' within ${PROVCTL_TIMEOUT:-30} s; the same command may simply be run again"
    exit 20
}

# code_of PROBLEM: which exit status a problem is
code_of() {
    case $1 in
    /problems/quota-spent | /problems/budget-spent) echo 10 ;;
    /problems/unauthenticated | /problems/forbidden) echo 11 ;;
    /problems/device-not-genuine | /problems/attempts-spent) echo 12 ;;
    /problems/device-identity-conflict | /problems/device-scrapped) echo 13 ;;
    *) echo 1 ;;
    esac
}

# A problem document in a line; check is there for some, path for what is wrong in the request.
words='def words: (.type | sub(".*/"; "")) + ([.check, .path] | map(select(.) | " " + .) | add // "")
    + ": " + .detail;'

# Says what the problem document says, for a person; the exit status is for the script.
refuse() {
    say "$(jq -r "$words words + \" (request \(.request_id))\"" \
        "$work/body" 2>/dev/null || echo "HTTP $status without a reason: is this provisiond?")"
    exit "$(code_of "$(jq -r .type "$work/body" 2>/dev/null)")"
}

# ---- licenses ----

# request DEVICE.pem: what a license is asked for with. Without "image" it is the newest one.
request() {
    [ -r "$1" ] || { say "$1 cannot be read"; exit 64; }
    jq -n --rawfile chain "$1" --arg product "$PROVCTL_PRODUCT" --arg lot "${LOT:-}" \
        --arg line "${LINE:-}" '{$product, device: {certificate_chain: $chain}} +
        ({$lot, $line} | with_entries(select(.value != "")) |
         if . == {} then {} else {context: .} end)'
}

license() {
    [ -w "$(dirname "$2")" ] || { say "$2 cannot be written"; exit 64; } # before it costs a unit
    request "$1" >"$work/request"
    ask /v1/licenses -H 'Content-Type: application/json' -H 'Accept: application/octet-stream' \
        --data-binary "@$work/request"
    cp "$work/body" "$2.new"
    mv "$2.new" "$2" # whole, or not at all
    [ "$(header Provision-Charged)" = true ] && charged=yes || charged=no
    echo "$(header Provision-Install-Id) charged=$charged remaining=$(header Provision-Remaining)"
}

license_json() {
    request "$1" >"$work/request"
    ask /v1/licenses -H 'Content-Type: application/json' --data-binary "@$work/request"
    jq . "$work/body"
}

# Every device has a result of its own; the exit status is that of the first one that was refused.
batch() {
    dir=$1
    shift
    mkdir -p "$dir"
    for device in "$@"; do request "$device" >>"$work/requests"; done
    jq -s '{licenses: .}' "$work/requests" >"$work/request"
    ask /v1/licenses/batch -H 'Content-Type: application/json' --data-binary "@$work/request"
    n=0
    code=0
    for device in "$@"; do
        jq ".results[$n]" "$work/body" >"$work/result"
        n=$((n + 1))
        if jq -e .license "$work/result" >/dev/null; then
            jq -r .license.license "$work/result" | base64 -d >"$dir/$(basename "$device" .pem).lic"
        elif [ "$code" = 0 ]; then
            code=$(code_of "$(jq -r .problem.type "$work/result")")
        fi
        jq -r --arg device "$device" "$words"'"\($device) " + if .license then .license |
            "\(.install_id) charged=\(if .charged then "yes" else "no" end) remaining=\(.remaining)"
            else .problem | words end' "$work/result"
    done
    exit "$code"
}

# ---- afterwards ----

# The same outcome may be sent again, and a later one takes the place of an earlier one, but for
# "scrapped", which is final.
outcome() {
    jq -n --arg result "$2" --arg code "${3:-}" --arg detail "${4:-}" \
        '{$result, $code, $detail} | with_entries(select(.value != ""))' >"$work/request"
    ask "/v1/installs/$1/outcome" -H 'Content-Type: application/json' --data-binary "@$work/request"
    jq -r '"\(.install_id) \(.result)"' "$work/body"
}

# Until a checkpoint covers the license, the answer is 503 with Retry-After: ask waits for it.
receipt() {
    ask "/v1/licenses/$1/receipt"
    cp "$work/body" "$2"
    jq -r '"\(.license_id) leaf=\(.index) checkpoint=\(.tree_size)"' "$work/body"
}

# ---- the image ----

is_right() { [ "sha256:$(sha256sum <"$1" | cut -c1-64)" = "$2" ]; }

size_of() { stat -c %s "$1" 2>/dev/null || echo 0; }

# Once for each image, not for each device. What came stays in OUT.part, so that the next try or the
# next run asks for the rest only; the file gets its name when its digest is right.
image() {
    [ ! -e "$2" ] || ! is_right "$2" "$1" || return 0
    # The first byte alone: whether the server has it and how long it is, when it is there (see ask).
    ask "/v1/images/$1/content" -H 'Range: bytes=0-0'
    size=$(header Content-Range | sed 's|.*/||')
    tries=0
    while [ "$(size_of "$2.part")" -lt "$size" ]; do
        lost=0
        tls --fail --speed-limit 1 --speed-time "${PROVCTL_TIMEOUT:-30}" -C - -o "$2.part" \
            "$PROVCTL_URL/v1/images/$1/content" || lost=$?
        [ $lost = 0 ] || is_lost $lost || [ $lost = 22 ] || exit 1 # 22: an answer, but not the image
        [ $((tries += 1)) -lt 10 ] || exit 20
        [ $lost = 0 ] || ask "/v1/images/$1/content" -H 'Range: bytes=0-0'
    done
    is_right "$2.part" "$1" || { rm -f "$2.part"; say "what came has another digest"; exit 1; }
    mv "$2.part" "$2"
}

# ---- reads ----

read_path() {
    ask "$1"
    cat "$work/body"
    echo
}

# list WHAT [QUERY]: page after page, as long as there is a cursor.
list() {
    query=${2:-}
    while :; do
        ask "/v1/$1${query:+?$query}"
        jq -c ".$1[]" "$work/body"
        cursor=$(jq -r '.next_cursor // ""' "$work/body")
        [ -n "$cursor" ] || return 0
        query=${2:+$2&}cursor=$cursor
    done
}

for name in PROVCTL_URL PROVCTL_CA PROVCTL_CERT PROVCTL_KEY; do
    eval "[ -n \"\${$name:-}\" ]" || { say "$name is not set"; usage; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

verb=${1:-}
[ $# = 0 ] || shift
case $verb:$# in
license:2) license "$@" ;;
license-json:1) license_json "$@" ;;
batch:0 | batch:1) usage ;;
batch:*) batch "$@" ;;
outcome:2 | outcome:3 | outcome:4) outcome "$@" ;;
receipt:2) receipt "$@" ;;
image:2) image "$@" ;;
read:1) read_path "$@" ;;
list:1 | list:2) list "$@" ;;
*) usage ;;
esac
