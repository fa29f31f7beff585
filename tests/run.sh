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
    missing=$(git ls-files | grep -vE '^(LICENSE|CMakePresets\.json|debian/control)$' |
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

units_verify() {
    # The programs are not installed here: verify copies that name the built ones.
    dir=$(mktemp -d)
    for unit in systemd/*.service; do
        sed "s|/usr/sbin/|$PWD/build/release/|; s|man:provctl(1)|https://example.org/|" \
            "$unit" >"$dir/$(basename "$unit")"
    done
    systemd-analyze verify --man=no "$dir"/*.service >"$dir/out" 2>&1 || true
    grep -v 'Unit .* not found\|user .* does not exist\|Failed to prepare filename' "$dir/out" |
        grep "$dir" && { rm -rf "$dir"; return 1; }
    rm -rf "$dir"
}

sizes=${PROVISIOND_TEST_SIZES:-short}
say "sizes: $sizes (./dev test --long runs the full ones in build/dev)"
check "every file has its SPDX line" spdx_lines
check "the sources are formatted" formatted
check "the static analysis has nothing to say ($sizes: $([ "$sizes" = long ] && echo every check || echo not the path-sensitive checks))" analysed
check "rooms include only what the architecture allows" sh tests/architecture.sh .
check "systemd accepts the units" units_verify
check "the outside judge of the contract is here" /usr/bin/python3 tests/contract/redocly.py install "$PROVISIOND_NODE_DIR"
check "the outside judge accepts the contract" /usr/bin/python3 tests/contract/redocly.py lint "$PROVISIOND_NODE_DIR" api/openapi.yaml
check "Prometheus accepts the alert rules" sh tests/contract/promtool.sh rules docs/examples/alerts.yaml docs/metrics.md
check "the demo holds" sh rig/demo.sh "$PWD/build/release"

# The sanitizers make a test some five times slower: they get the short sizes always, and not the
# scripts of docs/examples, which use the programs as other tests do.
without=
# Many tests wait, for a clock, a file or a program: twice as many at once keep the cores busy.
tests_at_once=$((2 * jobs))
for preset in dev asan-ubsan; do
    [ $preset = dev ] || { sizes=short && without="-LE scripts" && tests_at_once=$((jobs + jobs / 2)); }
    say "tests of build/$preset, $sizes sizes"
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

printf '%d passed, %d failed\n' $passed $failed
[ $failed = 0 ]
