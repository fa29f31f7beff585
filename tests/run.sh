#!/bin/sh
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
#
# run.sh SOURCE-DIR: everything that `./dev test` runs once the presets are built. Prints the sizes
# that ran and what failed; the environment PROVISIOND_TEST_SIZES=long asks for full sizes.
set -eu
cd "$1"
jobs=$(nproc)

# Time-outs end what hangs; they are no measure of speed.
CK_TIMEOUT_MULTIPLIER=4
export CK_TIMEOUT_MULTIPLIER

# Whatever a failed test leaves behind goes with this folder.
PROVISIOND_TEST_DIR=$(mktemp -d /tmp/pt.XXXXXX)
PROVISIOND_NODE_DIR=$PWD/build/node
PYTHONDONTWRITEBYTECODE=1
export PROVISIOND_TEST_DIR PROVISIOND_NODE_DIR PYTHONDONTWRITEBYTECODE
trap 'rm -rf "$PROVISIOND_TEST_DIR"' EXIT
trap 'exit 1' INT TERM

say() { printf '== %s\n' "$*"; }

# check WHAT COMMAND...: output only when it fails.
passed=0
failed=0
check() {
    what=$1
    shift
    if output=$("$@" 2>&1); then
        passed=$((passed + 1))
        printf 'ok      %s\n' "$what"
    else
        failed=$((failed + 1))
        printf 'FAILED  %s\n%s\n' "$what" "$output"
    fi
}

spdx_lines() {
    # Files whose form allows no line of that kind; debian/copyright speaks for Debian's.
    missing=$(git ls-files |
        grep -vE '^(LICENSE|CMakePresets\.json|bench/results/.*\.(json|txt)|debian/(control|changelog|copyright|source/format|.*\.templates))$' |
        xargs grep -L 'SPDX-License-Identifier: Apache-2.0' || true)
    [ -z "$missing" ] || { echo "no SPDX line in: $missing"; return 1; }
}

formatted() { git ls-files '*.c' '*.h' | xargs clang-format --dry-run -Werror; }

# Nine tenths of the time are clang's path-sensitive checks: they run with the full sizes.
analysed() {
    set -- --quiet
    [ "$sizes" = long ] || set -- --quiet --checks=-clang-analyzer-\*
    git ls-files '*.c' | grep -v '^tests/' | xargs -n 4 -P "$jobs" clang-tidy -p build/dev "$@" 2>/dev/null
}

links_lead_somewhere() { git ls-files '*.md' | xargs /usr/bin/python3 tests/documents/links.py; }

# The programs are not installed here: copies that name another are verified, once as they are
# and once with the drop-ins that the documents offer.
units_verify() {
    dir=$(mktemp -d)
    for unit in systemd/*.service systemd/*.socket systemd/*.slice; do
        sed "s|/usr/sbin/[a-z-]*|/bin/true|; s|man:[a-z-]*([0-9])|https://example.org/|g" \
            "$unit" >"$dir/$(basename "$unit")"
    done
    verdict=0
    units_accepted "$dir" || verdict=1
    cp -R docs/examples/units/*.d "$dir"
    units_accepted "$dir" || verdict=1
    rm -rf "$dir"
    return $verdict
}

# Every line counts that is about these files, but for what only the installed packages bring.
units_accepted() {
    systemd-analyze verify --man=no "$1"/*.service "$1"/*.socket >"$1/out" 2>&1 || true
    ! grep "$1\|^provision" "$1/out" |
        grep -v 'Unit .* not found\|user .* does not exist\|Failed to prepare filename'
}

# unit_score UNIT TENTHS: no more exposed than that
unit_score() { systemd-analyze security --offline=true --threshold="$2" "systemd/$1.service"; }

units_closed() {
    unit_score provisiond 10 && unit_score provision-vault 5 && unit_score provision-hsm 5
}

sizes=${PROVISIOND_TEST_SIZES:-short}
say "sizes: $sizes (./dev test --long runs the full ones in build/dev)"
check "every file has its SPDX line" spdx_lines
check "the sources are formatted" formatted
check "the static analysis has nothing to say ($sizes: $([ "$sizes" = long ] && echo every check || echo not the path-sensitive checks))" analysed
check "rooms include only what the architecture allows" sh tests/architecture.sh .
check "systemd accepts the units, and the drop-ins of docs/examples" units_verify
check "the units are as closed as they claim (1.0, 0.5, 0.5)" units_closed
check "the packages build" ./dev deb
check "lintian has no error and no warning for the packages" lintian --fail-on error,warning build/deb/*.changes
check "the outside judge of the contract is here" /usr/bin/python3 tests/contract/redocly.py install "$PROVISIOND_NODE_DIR"
check "the outside judge accepts the contract" /usr/bin/python3 tests/contract/redocly.py lint "$PROVISIOND_NODE_DIR" api/openapi.yaml
check "Prometheus accepts the alert rules" sh tests/contract/promtool.sh rules docs/examples/alerts.yaml docs/metrics.md
check "every link of the documents leads somewhere" links_lead_somewhere
check "a device gets its firmware by hand, as docs/by-hand.md has it" sh tests/documents/by_hand.sh
check "every alarm has its place in docs/alarms.md" /usr/bin/python3 tests/documents/alarms.py
check "the demo holds" sh rig/demo.sh "$PWD/build/release"

# The packages on machines of their own: beside the other tests, for they mostly wait.
on_machines() {
    passed=0
    failed=0
    check "the packages hold on a machine of their own ($sizes)" sh tests/package/machine.sh
    check "the documents' commands lead from a fresh machine to a license, and on" sh tests/package/ten_commands.sh
    check "no program can do under its unit what docs/THREATS.md says that it cannot" sh tests/package/sandbox.sh
    printf 'passed=$((passed + %d)) failed=$((failed + %d))\n' $passed $failed >"$PROVISIOND_TEST_DIR/machines"
}
on_machines >"$PROVISIOND_TEST_DIR/machines.log" 2>&1 &
machines=$!

# The sanitizers make a test some five times slower: they get the short sizes always, and not the
# scripts of docs/examples, which use the programs as other tests do. What kills, fails and waits a
# hundred times over runs in them with the full sizes only.
without=
patient='^(test_ledger_(crash|fault|fault_grant|history|power|size|tree)|test_hsm_(faults|trial|workers)'
patient="$patient|test_(audit_tampering|backup_damage|grant_hostile|image_st_sfi_plan|license_openers)"
patient="$patient|e2e_(access|anchor|backup|bench_fill|chips|crash|cuts|disk|governed|hsm.*|identities|journal"
patient="$patient|.*keys|line|lists|load|mcuboot|metering|pack|plain_token|profiles|reload|retire|sealed|standby"
patient="$patient|watchdog))\$"
# Many tests wait, for a clock, a file or a program: twice as many at once keep the cores busy.
tests_at_once=$((2 * jobs))
for preset in dev asan-ubsan; do
    if [ $preset != dev ]; then
        without="-LE scripts"
        [ "$sizes" = long ] || without="$without -E $patient"
        sizes=short
        tests_at_once=$((jobs + jobs / 2))
    fi
    say "tests of build/$preset, $sizes sizes${without:+ ($without)}"
    log=build/$preset/test.log
    if PROVISIOND_TEST_SIZES=$sizes ctest --test-dir "build/$preset" -j "$tests_at_once" $without --output-on-failure >"$log" 2>&1; then
        grep -E '^ *[0-9]+/[0-9]+ Test|tests passed' "$log"
        passed=$((passed + 1))
    else
        cat "$log"
        failed=$((failed + 1))
    fi
    grep -h '^size: ' "build/$preset/Testing/Temporary/LastTest.log" | sort -u || true
done

say "the packages, on machines of their own"
wait $machines || true
cat "$PROVISIOND_TEST_DIR/machines.log"
. "$PROVISIOND_TEST_DIR/machines"

printf '%d passed, %d failed\n' $passed $failed
[ $failed = 0 ]
