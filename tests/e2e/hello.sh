#!/bin/sh
# The program of the README, built as the README says and run in a new directory, twice.
# usage: hello.sh SOURCE_DIR BUILD_DIR
set -eu
root=$1
build=$2
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
lib=$build/lib

cc -I "$root/include" "$root/docs/hello.c" -o "$tmp/hello" \
	-L"$lib/dfs" -L"$lib/daos" -L"$lib/gurt" -ldfs -ldaos -lgurt -luuid \
	-Wl,-rpath,"$lib/dfs:$lib/daos:$lib/gurt"
for time in first second; do
	said=$(GEMEL_EMBEDDED="$tmp/system" "$tmp/hello")
	if [ "$said" != "hello, objects (15 bytes)" ]; then
		echo "FAILED: the $time time it says: $said"
		exit 1
	fi
done
