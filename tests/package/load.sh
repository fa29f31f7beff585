#!/bin/sh
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
#
# load.sh FIRST LAST: runs inside the container until /root/load/stop is there. Three kinds of
# clients ask for the licenses of the devices FIRST to LAST, again and again: curl with a connection
# for each request, curl with kept connections (which asks again on a new one when the server has
# closed it), and provctl, which asks until it is answered. Each answer is a line of
# /root/load/answers-KIND: the device, curl's exit code, the HTTP status, and for refusals whether they
# may be asked again. Ends with failure and says so when a request got no answer, or a final refusal.
set -eu
first=$1
last=$2
dir=/root/load
url=https://localhost:8443/v1/licenses
kept_requests=30
kept_rate=20/s
answer_s=20

goes_on() { [ ! -e $dir/stop ]; }

tls() {
    curl -s --max-time $answer_s --cacert /root/pki/ca.pem --cert /root/pki/line-1.pem \
        --key /root/pki/line-1.key -H 'Content-Type: application/json' "$@"
}

# judge DEVICE CODE STATUS BODY
judge() {
    again=-
    ! grep -q '"retryable": *true' "$4" 2>/dev/null || again=again
    echo "$1 $2 $3 $again"
}

ask_new() {
    while goes_on; do
        for n in $(seq "$first" "$last"); do
            goes_on || break
            code=0
            : >$dir/new-body
            status=$(tls --data-binary @/root/devices/"$n".json -o $dir/new-body -w '%{http_code}' \
                $url) || code=$?
            judge "$n" $code "$status" $dir/new-body
        done
    done
}

# One curl, one connection, many requests.
ask_kept() {
    while goes_on; do
        set --
        for n in $(shuf -i "$first-$last" -n $kept_requests); do
            set -- "$@" ${1:+--next} -s --max-time $answer_s --cacert /root/pki/ca.pem \
                --cert /root/pki/line-1.pem --key /root/pki/line-1.key \
                -H 'Content-Type: application/json' --data-binary @/root/devices/"$n".json \
                -o "$dir/kept-body-$n" -w "$n %{exitcode} %{http_code}\n" $url
        done
        rm -f $dir/kept-body-*
        curl --rate $kept_rate "$@" | while read -r n code status; do
            judge "$n" "$code" "$status" "$dir/kept-body-$n"
        done
    done
}

ask_provctl() {
    while goes_on; do
        for n in $(seq "$last" -1 "$first"); do
            goes_on || break
            code=0
            provctl license --url https://localhost:8443 --ca /root/pki/ca.pem \
                --cert /root/pki/line-1.pem --key /root/pki/line-1.key --product meter \
                --device-cert /root/devices/"$n".pem --out $dir/"$n".lic >$dir/said 2>&1 || code=$?
            [ $code = 0 ] || cat $dir/said >&2
            echo "$n $code 201 -"
        done
    done
}

rm -rf $dir
mkdir -p $dir
touch $dir/running
ask_new >$dir/answers-new &
ask_kept >$dir/answers-kept &
ask_provctl >$dir/answers-provctl &
wait
for kind in new kept provctl; do
    echo "$kind: $(wc -l <$dir/answers-$kind) answers, $(grep -c again $dir/answers-$kind || true) to ask again"
    [ -s $dir/answers-$kind ]
    if grep -v '^[0-9]* 0 20[01] -$\|^[0-9]* 0 [45][0-9][0-9] again$' $dir/answers-$kind; then
        echo "$kind: these lines (device, exit code, status, may be asked again) are no answers"
        exit 1
    fi
done
