#!/bin/sh
# Show that tools/tidy.sh sees what it should: in a copy of the tree, plant one breach at a time and look for
# its file, line and name in the output; plant look-alikes and expect silence. One line for each, "ok NAME"
# or "FAIL NAME why"; exit 1 if one failed.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
trap 'exit 1' HUP INT TERM
failed=0

cd "$root"
if [ -e .git ]; then
	git ls-files -z --cached --others --exclude-standard
else
	find . -name 'build*' -prune -o -type f -print0
fi | tar -c --null -T - --ignore-failed-read -f - 2>/dev/null | tar -x -C "$copy" -f -
cd "$copy"
mkdir -p core/base transports/uring workloads

verdict() {	# NAME, why it failed or nothing
	if [ -z "$2" ]; then
		echo "ok $1"
	else
		echo "FAIL $1 $2"
		sed 's/^/    /' "$copy/out"
		failed=1
	fi
}

# caught NAME FILE LINE WORD: the file is in place; tidy must name FILE:LINE and WORD, and fail.
caught() {
	rc=0
	sh tools/tidy.sh "$2" >out 2>&1 || rc=$?
	why=
	[ "$rc" -eq 1 ] || why="tidy exits $rc"
	grep -F -e "tidy: $2:$3: " out | grep -qF -e "$4" || why="tidy does not say $2:$3 and $4"
	verdict "$1" "$why"
	rm -f "$2" out
}

# silent NAME FILE...: tidy must find nothing in the files.
silent() {
	name=$1
	shift
	why=
	sh tools/tidy.sh "$@" >out 2>&1 || why="tidy finds fault with good code"
	verdict "$name" "$why"
	rm -f "$@" out
}

why=
sh tools/tidy.sh >out 2>&1 || why="the tree as it is has breaches"
verdict clean-tree "$why"

c=core/base/plant.c
h=core/base/plant.h

printf '#include <stdint.h>\n#include "core/rt/rt.h"\n' >$c
caught upward-include $c 2 'core/rt/rt.h'
printf '\n#include "core/vos/vos.h"\n' >$h
caught upward-include-in-header $h 2 'core/vos/vos.h'
printf '#include <rdma/fabric.h>\n' >$c
caught libfabric-in-core $c 1 'rdma/fabric.h'
printf '#include <rdma/fabric.h>\n' >transports/uring/plant.h
caught libfabric-in-uring transports/uring/plant.h 1 'rdma/fabric.h'
printf '/* why */\n#include <simgrid/s4u.hpp>\n' >$c
caught simgrid-in-core $c 2 'simgrid/s4u.hpp'
printf '#include <pthread.h>\n' >$c
caught pthread-include $c 1 'pthread.h'
printf '#include <time.h>\n' >$c
caught time-include $c 1 'time.h'

printf 'int plant(void);\nstatic int count;\nint plant(void)\n{\n\treturn ++count;\n}\n' >$c
caught static-int $c 2 '"count"'
printf 'int plant(void);\nint plant(void)\n{\n\tstatic int count = 3;\n\treturn ++count;\n}\n' >$c
caught static-int-in-function $c 4 '"count"'
printf 'extern int total;\nint total = 1;\n' >$c
caught global $c 2 '"total"'
printf 'extern const char *names[2];\n\nconst char *names[2] = { "a", "b" };\n' >$c
caught table-of-const-char $c 3 '"names"'
printf '_Thread_local int here;\n' >$c
caught thread-local $c 1 '"here"'
# Only the object file shows this one.
printf '#define CELL(n) static int n[2]\n\nCELL(hidden);\nint *plant(void);\nint *plant(void)\n{\n\treturn hidden;\n}\n' >$c
caught static-behind-macro $c 3 '"hidden"'

for call in 'getenv("HOME") != 0:getenv' 'rand():rand' 'time(0) == 0:time' 'clock_gettime(0, 0):clock_gettime' \
	'malloc(1) != 0:malloc' 'printf("x"):printf' 'open("x", 0):open' 'socket(0, 0, 0):socket' \
	'usleep(1):usleep' 'pthread_self() == 0:pthread_self'; do
	name=${call##*:}
	printf 'int plant(void);\nint plant(void)\n{\n\treturn %s;\n}\n' "${call%:*}" >$c
	caught "call-$name" $c 4 "$name"
done
printf '#define NOW() \\\n\ttime(0)\n' >$h
caught call-in-macro $h 2 'time'
printf '#include <stdlib.h>\n\nvoid plant(void (**f)(void *));\nvoid plant(void (**f)(void *))\n{\n\t*f = free;\n}\n' >$c
caught pointer-to-free $c 6 'free'
printf '#include <stdlib.h>\n\nint main(void)\n{\n\treturn getenv("X") != 0;\n}\n' >workloads/plant.c
caught getenv-outside-host workloads/plant.c 5 'getenv'

printf '#ifndef PLANT_H\n#define PLANT_H\nuint32_t plant(struct nothing *n);\n#endif\n' >$h
caught header-alone $h 3 'does not compile alone'
printf '# plant\nsee /%s/main/x\n' work >docs.txt
caught machine-path docs.txt 2 'names a place of one machine'

cat >$c <<'END'
/* time(0), rand() and getenv("X") in a comment; // #include <rdma/fabric.h> */
#include <stddef.h>
// malloc(1)
struct ops {
	void (*free)(void *p);
	long (*time)(void);
	int open;
};
static const char *const names[] = { "time(0)", "rand()", "static int x;" };
static const struct ops none = { .free = NULL, .open = 1 };
static int (*const pick)(const struct ops *o);
static int read(const struct ops *o)
{
	return o->open + (o->time != NULL ? (int)o->time() : 0);
}
const char *plant(const struct ops *o, void *p, int random);
const char *plant(const struct ops *o, void *p, int random)
{
	static const int table[2] = { 1, 2 };

	o->free(p);
	if (pick != NULL)
		return names[0];
	return names[(table[random & 1] + read(&none) + read(o)) % 3];
}
END
silent look-alikes $c
cat >$h <<'END'
#ifndef PLANT_H
#define PLANT_H
#include <stdint.h>
struct plant;
typedef int (*plant_fn)(struct plant *p, uint64_t time);
enum plant_kind { PLANT_A, PLANT_B };
struct plant_list {
	struct plant_list *next;
};
int plant_open(struct plant *p);
static inline int plant_time(const struct plant_list *l)
{
	return l->next != 0;
}
#endif
END
silent header-look-alikes $h
exit $failed
