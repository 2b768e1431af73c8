#!/bin/sh
# The libraries show what symbols.txt lists, and nothing that no public header declares.
# usage: symbols.sh INCLUDE_DIR SYMBOLS_TXT LIBRARY...
set -eu
inc=$1 list=$2
shift 2
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
bad=0

fail() { echo "FAIL: $*"; bad=1; }

# Symbols of the private version node are no interface.
for lib in "$@"; do
	nm -D --defined-only "$lib" | awk '{ print $3 }' | grep -v '@@\{0,1\}GEMEL_PRIVATE$' |
		sed 's/@.*//' | grep -v '^_\|^LIB[A-Z]*_[0-9]$\|^GEMEL_PRIVATE$'
done | sort -u >"$tmp/have"
[ "$(wc -l <"$tmp/have")" -gt 100 ] || fail "nm found hardly anything"

sed 's/#.*//' "$list" | tr -s ' \t' '\n' | grep . | sort -u >"$tmp/want"
comm -23 "$tmp/want" "$tmp/have" >"$tmp/missing"
[ ! -s "$tmp/missing" ] || fail "missing:" $(cat "$tmp/missing")

# Every identifier that is followed by "(" in a header; the plain names of the "2" ones are macros.
cat "$inc"/*.h "$inc"/gurt/*.h "$inc"/daos/*.h | grep -o '[a-z_0-9]* *(' | tr -d ' (' |
	sort -u >"$tmp/declared"
{ cat "$tmp/declared"; sed -n 's/^#define[ \t]*\([a-z_0-9]*\)[ \t]*\([a-z_0-9]*2\)$/\1\n\2/p' "$inc"/*.h; } |
	sort -u >"$tmp/known"
comm -13 "$tmp/known" "$tmp/have" >"$tmp/extra"
[ ! -s "$tmp/extra" ] || fail "shown, but declared nowhere:" $(cat "$tmp/extra")

exit $bad
