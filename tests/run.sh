#!/usr/bin/env bash
# run.sh PRESET [ctest arguments] - the tests of a built preset; counts what had to be skipped, loudly.
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${1:-dev}
shift || true
log=build/$preset/skipped.log

rm -f "$log"
status=0
FB_SKIP_LOG=$PWD/$log ctest --preset "$preset" "$@" || status=$?
if [ -s "$log" ]; then
    echo
    echo "Skipped on this machine ($(wc -l <"$log")):"
    sort "$log" | sed 's/^/  /'
fi
exit "$status"
