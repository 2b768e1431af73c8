#!/bin/sh
# Measure the budgets of the design; see tools/bench.py and tests/bench/README.md.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
case " $* " in
*" --help "* | *" -h "*) ;;
*) sh "$root/tools/setup.sh" ;;
esac
exec python3 "$root/tools/bench.py" "$@"
