#!/bin/sh
# setup.sh - makes a Debian (or Ubuntu) machine ready to build, test and demonstrate Firebreak.
#
#   deploy/setup.sh           installs what is missing; quiet when nothing is
#   deploy/setup.sh --check   changes nothing; exit 1 when something needed to build is missing
#
# Needed to build: compiler, CMake and the libraries' headers; without them it fails. Optional:
# libdeflate (gzip two to three times faster), clang, CMocka (unit tests), moto and boto3 (end-to-end
# tests and the demo); what is missing of these is told, and never makes it fail.
set -eu

needed="gcc make cmake pkg-config libc6-dev libcurl4-openssl-dev libjansson-dev libssl-dev
        liblua5.4-dev libsqlite3-dev libexpat1-dev zlib1g-dev python3"
optional="libdeflate-dev libcmocka-dev clang libclang-rt-14-dev lua5.4 python3-venv"

root=$(cd "$(dirname "$0")/.." && pwd)
venv="$root/.venv"
check=no

case "${1-}" in
--check) check=yes ;;
-h | --help)
    sed -n '2,9p' "$0" | sed 's/^# \{0,1\}//'
    exit 0
    ;;
"") ;;
*)
    echo "setup: unknown argument $1 (try --help)" >&2
    exit 1
    ;;
esac

say() { echo "setup: $*" >&2; }

# Packages of the list that dpkg does not know as installed.
missing_of() {
    for package in "$@"; do
        state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
        [ "$state" = installed ] || printf '%s ' "$package"
    done
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        say "not root, and there is no sudo: cannot run: $*"
        return 1
    fi
}

apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" >&2
}

# Whether this Python has what the end-to-end tests and the demo import.
python_has_moto() {
    command -v "$1" >/dev/null 2>&1 && "$1" -c 'import boto3, moto.server' >/dev/null 2>&1
}

without_moto() {
    say "moto or boto3 is missing${1:+ ($1)}: SKIPPED will be the end-to-end tests against a stand-in"
    say "account, and 'make demo' cannot run. Building, unit tests and replay work without them."
}

system_packages() {
    if ! command -v dpkg-query >/dev/null 2>&1 || ! command -v apt-get >/dev/null 2>&1; then
        say "no Debian here: please see that these, or your system's names for them, are installed:"
        # shellcheck disable=SC2086
        say $needed $optional
        return 0
    fi
    # shellcheck disable=SC2086  # lists are split on purpose
    lack=$(missing_of $needed)
    # shellcheck disable=SC2086
    lack_optional=$(missing_of $optional)
    if [ "$check" = yes ]; then
        [ -z "$lack_optional" ] || say "optional packages missing: $lack_optional"
        [ -z "$lack" ] || say "packages missing: $lack"
        [ -z "$lack" ]
        return
    fi
    [ -n "$lack$lack_optional" ] || return 0
    say "installing: $lack$lack_optional"
    as_root apt-get update -q >&2 || say "apt-get update failed; trying with the lists at hand"
    # shellcheck disable=SC2086
    if [ -n "$lack" ] && ! apt_install $lack; then
        say "FAILED: the build needs: $lack"
        return 1
    fi
    for package in $lack_optional; do
        apt_install "$package" || say "$package could not be installed: going on without it"
    done
}

python_packages() {
    if python_has_moto python3 || python_has_moto "$venv/bin/python"; then
        return 0
    fi
    if [ "$check" = yes ]; then
        without_moto "run deploy/setup.sh"
        return 0
    fi
    say "making $venv with moto and boto3"
    if ! python3 -m venv --system-site-packages "$venv" >&2; then
        without_moto "python3 -m venv failed"
    elif ! "$venv/bin/python" -m pip install -q --disable-pip-version-check --timeout 20 --retries 1 \
        -r "$root/tests/requirements.txt" >&2; then
        without_moto "the package index cannot be reached"
    elif ! python_has_moto "$venv/bin/python"; then
        without_moto "installed, but it does not import"
    fi
    return 0
}

status=0
system_packages || status=1
python_packages
exit $status
