#!/bin/sh
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
#
# promtool.sh metrics RIG-DIR METRICS.md | promtool.sh rules ALERTS.yaml METRICS.md
#
# Prometheus' own judge: the metrics of a rig, and the alert rules that are shipped as an example.
# The page METRICS.md must describe each metric of the rig, and each that a rule names.
set -eu

die() {
    echo "promtool.sh: $*" >&2
    exit 1
}

# A judge that never says no is none.
promtool_is_awake() {
    ! printf '# TYPE a_total counter\n# TYPE a_total gauge\na_total 1\n' |
        promtool check metrics >/dev/null 2>&1 || die "promtool takes any metrics"
    broken=$(mktemp)
    printf 'groups: [{name: a, rules: [{alert: A, expr: "sum("}]}]\n' >"$broken"
    is_taken=no
    ! promtool check rules "$broken" >/dev/null 2>&1 || is_taken=yes
    rm -f "$broken"
    [ $is_taken = no ] || die "promtool takes any rules"
}

# metrics_of RIG-DIR: as the reader of metrics gets them
metrics_of() {
    . "$1/env"
    curl --silent --show-error --fail --max-time 30 --cacert "$RIG_CA" --cert "$RIG_METRICS_CERT" \
        --key "$RIG_METRICS_KEY" "$RIG_URL/metrics"
}

# are_described METRICS.md NAME...
are_described() {
    page=$1
    shift
    for name in "$@"; do
        family=$(printf '%s' "$name" | sed 's/_\(bucket\|sum\|count\)$//')
        grep -Eq "\`($name|$family)\b" "$page" || die "$page does not describe $name"
    done
}

check_metrics() {
    metrics=$(metrics_of "$1")
    printf '%s\n' "$metrics" | promtool check metrics
    twice=$(printf '%s\n' "$metrics" | sed '/^#/d; s/ [^ ]*$//' | sort | uniq -d) # promtool looks away
    [ -z "$twice" ] || die "the same series twice: $twice"
    families=$(printf '%s\n' "$metrics" | sed -n 's/^# TYPE \([^ ]*\) .*/\1/p')
    are_described "$2" $families
    echo "$(echo "$families" | wc -l) families of metrics"
}

check_rules() {
    promtool check rules "$1"
    are_described "$2" $(grep -o 'provisiond_[a-z0-9_]*' "$1" | sort -u)
}

promtool_is_awake
case "${1:-} $#" in
"metrics 3") check_metrics "$2" "$3" ;;
"rules 3") check_rules "$2" "$3" ;;
*) die "see the head of this file" ;;
esac
