#!/bin/sh
# Every public header compiles alone and twice, as C and as C++, with no warning; a small program
# that includes them all links with libgurt and runs; libgurt shows the symbols of its map and no
# others.
# usage: headers.sh INCLUDE_DIR LIBGURT LIBGURT_MAP SIGNATURES_C
set -eu
inc=$1 lib=$2 map=$3 sigs=$4
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
bad=0

fail() { echo "FAIL: $*"; bad=1; }

flags="-Wall -Wextra -Wconversion -Wshadow -Wpointer-arith -Werror -I$inc"
headers=$(cd "$inc" && find . -name '*.h' | sed 's,^\./,,' | sort)
[ "$(echo "$headers" | wc -l)" -ge 28 ] || fail "too few headers in $inc"

# check COMPILER FLAGS LANGUAGE: one compiler over all headers
check() {
	command -v "$1" >/dev/null || { fail "no $1"; return; }
	for h in $headers; do
		printf '#include <%s>\n#include <%s>\n' "$h" "$h" >"$tmp/one.$3"
		$1 $2 $flags -fsyntax-only "$tmp/one.$3" || fail "$h alone with $1 $2"
	done
}
check gcc "-std=gnu11 -Wstrict-prototypes" c
check clang "-std=gnu11 -Wstrict-prototypes" c
check g++ -std=gnu++11 cc
check clang++ -std=gnu++17 cc

gcc -std=gnu11 $flags -fsyntax-only "$sigs" || fail "signatures"

{
	for h in $headers; do echo "#include <$h>"; done
	cat <<'END'
int main(void)
{
	daos_anchor_t anchor = DAOS_ANCHOR_INIT;
	daos_handle_t hdl = DAOS_HDL_INVAL;
	daos_obj_id_t oid = DAOS_OBJ_NIL;
	const unsigned char key[] = "key";
	d_list_t list = D_LIST_HEAD_INIT(list);
	int *ptr;

	D_ALLOC_PTR(ptr);
	if (ptr == NULL || *ptr != 0)
		return 1;
	D_FREE(ptr);
	return daos_anchor_is_eof(&anchor) || daos_handle_is_valid(hdl) || ptr != NULL ||
	       !daos_obj_id_is_nil(oid) || !d_list_empty(&list) ||
	       d_hash_murmur64(key, 3, 1) != d_hash_murmur64(key, 3, 1);
}
END
} >"$tmp/all.c"
cp "$tmp/all.c" "$tmp/all.cc"
for c in "gcc -std=gnu11 $tmp/all.c" "g++ -std=gnu++17 $tmp/all.cc"; do
	$c $flags -o "$tmp/all" "$lib" -Wl,-rpath,"$(dirname "$lib")" || fail "link: $c"
	"$tmp/all" || fail "run: $c"
done

nm -D --defined-only "$lib" | awk '{print $3}' | grep -v '^_' | sed 's/@.*//' | sort >"$tmp/have"
sed -n 's/^\t\([a-z_0-9]*\);$/\1/p' "$map" | sort >"$tmp/want"
diff "$tmp/want" "$tmp/have" || fail "symbols of $lib"

exit $bad
