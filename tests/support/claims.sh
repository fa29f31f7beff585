# shellcheck shell=sh
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
#
# To be read by the two tests of the sandbox: the table "What each program cannot do" of
# docs/THREATS.md, and what the programs logged when they tried it (daemon/sandbox_trial.h). The one
# who reads this sets `threats`, that file, and `value`, a function that says what a word in capitals
# of the table stands for: none, one or more, one a line.

claims_failed=0

# The table's rows that are about PROGRAM and hold at WHERE: "CLAIM|WORD WORD ...".
claims_of() {
    awk -F'|' -v program="$1" -v where="$2" '
        /^## / { is_table = /What each program cannot do/ }
        is_table && /^\| [a-z]/ && !/^\| program / {
            gsub(/ /, "", $2); gsub(/^ +| +$/, "", $3); gsub(/ /, "", $4); gsub(/`/, "", $5)
            if (index("," $2 ",", "," program ",") && ($4 == "everywhere" || $4 == where))
                print $3 "|" $5
        }' "$threats"
}

# expand WORD...: `read:TOKEN` becomes read:/var/...
expand() {
    for word in "$@"; do
        name=${word#*:}
        case $name in
        "$word" | *[!A-Z_]*) echo "$word" ;;
        *) for one in $(value "$name"); do echo "${word%%:*}:$one"; done ;;
        esac
    done
}

# words_for WHERE PROGRAM...: everything that these are to try, on one line
words_for() {
    where=$1
    shift
    for program in "$@"; do
        claims_of "$program" "$where" | cut -d'|' -f2 | while read -r words; do
            # shellcheck disable=SC2086
            expand $words
        done
    done | sort -u | tr '\n' ' ' | sed 's/ $//'
}

# outcome PROGRAM-IN-LOG WORD LOG: what came of it, "none" when it was not tried
outcome() {
    jq -rs --arg program "$1" --arg what "$2" \
        '[.[] | select(.event == "trial" and .program == $program and .what == $what)][0]
            | "\(.outcome // "none") \(.native // "")"' "$3"
}

# A path that is hidden is as good as one that is refused; a word about nothing is a mistake.
is_held() {
    case $1 in
    "refused "* | "killed "*) return 0 ;;
    "absent "*) case $2 in *:*) return 0 ;; esac ;;
    esac
    return 1
}

# check_claims WHERE PROGRAM PROGRAM-IN-LOG LOG
check_claims() {
    claims_of "$2" "$1" >"$4.claims"
    [ -s "$4.claims" ] || { echo "NOT SO: the table says something of $2" && claims_failed=1; }
    while IFS='|' read -r claim words; do
        # shellcheck disable=SC2086
        words=$(expand $words)
        held=yes
        [ -n "$words" ] || held=no
        for word in $words; do
            result=$(outcome "$3" "$word" "$4")
            is_held "$result" "$word" || { held=no && echo "$2: $word: $result"; }
        done
        [ $held = yes ] && echo "holds: $2 cannot $claim" && continue
        echo "NOT SO: $2 cannot $claim"
        claims_failed=1
    done <"$4.claims"
}
