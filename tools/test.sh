#!/bin/sh
# Set up, build, test. "sh tools/test.sh --help" tells the rest.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
case " $* " in
*" --help "* | *" -h "*) ;;
*)
	if ! sh "$root/tools/setup.sh"; then
		echo "0 passed, 1 failed"
		exit 1
	fi
	;;
esac
if ! command -v python3 >/dev/null 2>&1; then
	echo "test: python3 is missing: run sh tools/setup.sh" >&2
	exit 1
fi
exec python3 "$root/tools/testrun.py" "$@"
