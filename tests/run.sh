#!/bin/sh
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
#
# run.sh SOURCE-DIR: everything that `./dev test` runs once the presets are built. Prints the sizes
# that ran and what failed; the environment PROVISIOND_TEST_SIZES=long asks for full sizes.
set -eu
cd "$1"
jobs=$(nproc)

# Whatever a failed test leaves behind goes with this folder.
PROVISIOND_TEST_DIR=$(mktemp -d /tmp/pt.XXXXXX)
export PROVISIOND_TEST_DIR
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

analysed() {
    git ls-files '*.c' | grep -v '^tests/' | xargs -n 1 -P "$jobs" clang-tidy -p build/dev --quiet 2>/dev/null
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

say "sizes: ${PROVISIOND_TEST_SIZES:-short} (./dev test --long runs the full ones)"
check "every file has its SPDX line" spdx_lines
check "the sources are formatted" formatted
check "the static analysis has nothing to say" analysed
check "rooms include only what the architecture allows" sh tests/architecture.sh .
check "systemd accepts the units" units_verify
check "the demo holds" sh rig/demo.sh "$PWD/build/release"

for preset in dev asan-ubsan; do
    say "tests of build/$preset"
    log=build/$preset/test.log
    if ctest --test-dir "build/$preset" -j "$jobs" --output-on-failure >"$log" 2>&1; then
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
