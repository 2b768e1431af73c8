#!/bin/sh
# Every program and every script explains itself: --help on standard output with exit 0, a wrong flag
# on standard error with exit 2. The golden file keeps the first lines of the answers.
# usage: usage.sh SOURCE_DIR BUILD_DIR [--update]
set -eu
root=$1 build=$2
golden=$root/tests/e2e/usage.golden
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
bad=0

fail() {
	echo "FAIL: $*"
	bad=1
}

# ask NAME COMMAND…: both questions, and what they must give
ask() {
	name=$1
	shift
	rc=0
	timeout 20 "$@" --help >"$tmp/out" 2>"$tmp/err" </dev/null || rc=$?
	echo "\$ $name --help"
	head -n 1 "$tmp/out"
	[ $rc -eq 0 ] || fail "$name --help: exit $rc" >&2
	[ ! -s "$tmp/err" ] || fail "$name --help: $(cat "$tmp/err")" >&2
	[ "$(wc -l <"$tmp/out")" -ge 2 ] || fail "$name --help: says next to nothing" >&2

	rc=0
	timeout 20 "$@" --no-such-flag >"$tmp/out" 2>"$tmp/err" </dev/null || rc=$?
	echo "\$ $name --no-such-flag"
	cat "$tmp/err"
	[ $rc -eq 2 ] || fail "$name --no-such-flag: exit $rc" >&2
	[ -s "$tmp/err" ] || fail "$name --no-such-flag: says nothing" >&2
	[ "$(wc -l <"$tmp/err")" -le 30 ] || fail "$name --no-such-flag: drowns the reader" >&2
	grep -q -e no-such-flag "$tmp/err" || fail "$name --no-such-flag: does not name it" >&2
}

# By their names alone, so that no directory of this machine is in what they say.
programs() {
	find "$build/tools" "$build/workloads" -type f -perm -u+x ! -name '*.so*' ! -name '*.sh' | sort
}
{
	for exe in $(programs); do
		name=$(basename "$exe")
		(PATH=$(dirname "$exe"):$PATH && ask "$name" "$name" && exit $bad) || bad=1
	done
	cd "$root"
	for script in tools/*.sh; do
		ask "$script" sh "$script"
	done
} >"$tmp/all" 2>"$tmp/failed"
cat "$tmp/failed"
[ "$(programs | wc -l)" -ge 4 ] || fail "only these programs: $(programs)"

if [ "${3:-}" = --update ]; then
	cp "$tmp/all" "$golden"
else
	diff -u "$golden" "$tmp/all" || fail "usage.golden differs: usage.sh SOURCE_DIR BUILD_DIR --update"
fi
[ ! -s "$tmp/failed" ] || bad=1
exit $bad
