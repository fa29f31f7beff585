#!/bin/sh
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
#
# cut.sh KIND FIRST STRIDE: installs chips one after the other through the real service, and cuts
# each install at another step: FIRST, FIRST + STRIDE, ... until an install runs through uncut. KIND
# is power (the chip dies), link (the cable is pulled) or station (the station dies with kill -9).
#
# After each cut: the chip boots open and erased, or closed; its debug port shows no byte that was
# programmed; a second try succeeds; and the account shows one charge and one success per chip.
# Sourced by test_cuts.c with the rig's environment; works in $DIR.
set -eu

kind=$1
step=$2
stride=$3
work=$DIR/cut-$kind
station_cut='' chip_cut=''
mkdir -p "$work"

die() {
    echo "cut.sh: $kind at step $step: $*" >&2
    exit 1
}

# start_chip OPTION...: boots the chip of this round; returns when it answers.
start_chip() {
    rm -f "$work/ready"
    mkfifo "$work/ready"
    "$RIG_BIN/rig-chip" run --state "$work/chip" --socket "$work/s" "$@" >"$work/ready" 2>/dev/null &
    chip=$!
    exec 3<"$work/ready"
    read -r ready <&3 || die "the chip did not boot"
}

stop_chip() {
    kill "$chip" 2>/dev/null || true
    { wait "$chip"; } 2>/dev/null || true
    exec 3<&-
}

# station OPTION...: one try with the chip that is seated.
station() {
    echo "chip $work/s" | "$RIG_BIN/rig-station" --url "$RIG_URL" --ca "$RIG_CA" \
        --cert "$RIG_STATION_CERT" --key "$RIG_STATION_KEY" --product "$RIG_ST_PRODUCT" \
        --image "$CUT_IMAGE" --work "$work/station" --sockets 1 --tries 1 "$@" >"$work/events" 2>&1
}

status() { "$RIG_BIN/rig-chip" status --socket "$work/s"; }

# No byte that was programmed may be read through the debug port.
check_no_plaintext() {
    for memory in 0x08000000 0x90000000; do
        "$RIG_BIN/rig-chip" read --socket "$work/s" --address $memory --length 65536 \
            --out "$work/dump" 2>/dev/null || die "the debug port of an open chip does not answer"
        [ "$(tr -d '\377' <"$work/dump" | wc -c)" = 0 ] || die "plaintext at $memory"
    done
}

check_account() {
    "$RIG_BIN/provctl" --config "$RIG_CONFIG" usage "$RIG_ST_PRODUCT" --json >"$work/usage"
    [ "$(jq -r '.charged' "$work/usage")" = "$chips" ] || die "charged $(cat "$work/usage")"
    [ "$(jq -r '.succeeded' "$work/usage")" = "$chips" ] || die "succeeded $(cat "$work/usage")"
    jq -e '.granted == .remaining + .charged and
        .charged == .succeeded + .failed + .scrapped + .unreported' "$work/usage" >/dev/null ||
        die "out of balance: $(cat "$work/usage")"
}

# round: sets is_cut.
round() {
    rm -rf "$work/chip" "$work/dump"
    "$RIG_BIN/rig-chip" make --state "$work/chip" --st-ca "$RIG_ST_CA_KEY" \
        --product-id "$RIG_ST_PRODUCT_ID" >/dev/null
    start_chip $chip_cut
    is_cut=yes
    code=0
    station $station_cut || code=$?
    if [ "$code" = 0 ] && grep -q ' succeeded' "$work/events"; then is_cut=no; fi
    stop_chip
    start_chip
    case $(status) in
    *phase=open*) [ $is_cut = no ] && die "a finished install left the chip open"
        check_no_plaintext ;;
    *phase=closed*)
        ! "$RIG_BIN/rig-chip" read --socket "$work/s" --address 0x08000000 --length 16 \
            --out "$work/dump" 2>/dev/null || die "the debug port of a closed chip answers" ;;
    *) die "the chip is $(status)" ;;
    esac
    if [ $is_cut = yes ]; then
        station || die "the second try failed: $(cat "$work/events")"
    fi
    case $(status) in *phase=closed*) ;; *) die "not closed after all: $(cat "$work/events")" ;; esac
    stop_chip
    "$RIG_BIN/rig-chip" show --state "$work/chip" --json >"$work/shown"
    [ "$(jq -r '.flash_sha256' "$work/shown")" = "$CUT_FLASH_SHA256" ] || die "other firmware in flash"
    chips=$((chips + 1))
    check_account
}

chips=$("$RIG_BIN/provctl" --config "$RIG_CONFIG" usage "$RIG_ST_PRODUCT" --json | jq -r .charged)
cuts=0
while :; do
    case $kind in
    power) chip_cut="--cut-at-step $step" ;;
    link) chip_cut="--cut-link-at-step $step" ;;
    station) station_cut="--die-at-step $step" ;;
    esac
    round
    [ $is_cut = yes ] || break
    cuts=$((cuts + 1))
    step=$((step + stride))
done
[ $cuts -gt 0 ] || die "nothing was cut"
echo "size: $kind: $cuts cuts of an install of fewer than $step steps"
