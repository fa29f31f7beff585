# shellcheck shell=sh
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
#
# To be read by the tests of the packages: a Debian 12 with a real systemd of its own, without a
# network, in which the packages of build/deb are what is tested. Needs root. Sets `machine`, the
# container's root folder; the container and the folder go when the test ends.
#
#   . "$(dirname "$0")/container.sh"
#   container_boot
#   within systemctl is-system-running

container_start_s=60
container_stop_s=20
container_landlock="landlock_create_ruleset landlock_add_rule landlock_restrict_self"
packages=${PROVISIOND_PACKAGES:-$PWD/build/deb}
container_cache=$PWD/build/container
machine=
container_pid=

container_die() {
    echo "container: $*" >&2
    exit 1
}

# What the packages need and the tests use, without the packages themselves.
container_needs() {
    {
        echo systemd systemd-sysv dbus curl openssl softhsm2 procps jq strace debconf faketime
        for package in "$packages"/provisiond_*.deb "$packages"/provctl_*.deb; do
            dpkg-deb -f "$package" Depends | tr ',' '\n' | sed 's/(.*//; s/|.*//'
        done
    } | tr -s ' \n' '\n' | grep -vx 'provctl\|provisiond\|' | sort -u | tr '\n' ' '
}

# container_base: makes the base once for what the packages need, and sets `base`.
container_base() {
    needs=$(container_needs)
    base=$container_cache/base-$(printf %s "$needs" | sha256sum | cut -c 1-12).tar
    [ -f "$base" ] && return 0
    mkdir -p "$container_cache"
    rm -f "$container_cache"/*.tar
    sources=/etc/apt/sources.list.d/debian.sources
    [ -f "$sources" ] || sources=/etc/apt/sources.list
    # shellcheck disable=SC2086
    mmdebstrap --quiet --variant=minbase --include="$(echo $needs | tr ' ' ',')" bookworm \
        "$container_cache/new.tar" "$sources" >"$container_cache/base.log" 2>&1 ||
        { cat "$container_cache/base.log" >&2 && container_die "Debian's packages cannot be had"; }
    mv "$container_cache/new.tar" "$base"
}

# The first process inside, as this system counts.
container_leader() { pgrep -P "$container_pid" | head -n 1; }

within() { nsenter -t "$leader" -a -- "$@"; }

container_is_up() {
    leader=$(container_leader)
    [ -n "$leader" ] && within systemctl is-system-running 2>/dev/null | grep -qx 'running\|degraded'
}

# The memory for secrets is locked, and files are closed with Landlock: nspawn forbids both unless it
# is told not to.
container_start() {
    systemd-nspawn --quiet --directory="$machine" --boot --register=no --keep-unit \
        --private-network --system-call-filter="@memlock $container_landlock" </dev/null >"$machine.log" 2>&1 &
    container_pid=$!
    tries=$((container_start_s * 5))
    until container_is_up; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || { cat "$machine.log" >&2 && container_die "it does not start"; }
        sleep 0.2
    done
}

container_stop() {
    [ -n "$container_pid" ] || return 0
    kill -s RTMIN+4 "$(container_leader)" 2>/dev/null || true # poweroff
    tries=$((container_stop_s * 5))
    while kill -0 "$container_pid" 2>/dev/null; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || kill -9 "$(container_leader)" 2>/dev/null || true
        sleep 0.2
    done
    container_pid=
}

container_remove() {
    container_stop
    rm -rf "$machine" "$machine".*
}

container_boot() {
    [ "$(id -u)" = 0 ] || container_die "only root can start a container"
    container_base
    machine=$(mktemp -d /tmp/provisiond-machine.XXXXXX)
    trap container_remove EXIT
    trap 'exit 1' INT TERM
    tar -xf "$base" -C "$machine"
    container_start
}

# Installs the packages as an operator does.
container_install() {
    cp "$packages"/provisiond_*.deb "$packages"/provctl_*.deb "$machine/root/"
    within sh -c 'cd /root && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ./*.deb' \
        >"$machine.log" 2>&1 || { cat "$machine.log" >&2 && container_die "the packages do not install"; }
}
