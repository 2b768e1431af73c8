#!/bin/sh
# The main job: the tutorial's IOR with 8 ranks in three worlds: inside one process, against four engines
# over libfabric with io_uring files, and against the same four nodes in simulation.
#
#	sh tools/demo_job.sh BUILD_DIR [OUTPUT_DIR]
#
# Prints a "result world=…" line for each and the three side by side. What the engines say is kept in
# the output directory (default: a temporary one, removed at the end).
set -eu
usage() {
	echo "Usage: sh tools/demo_job.sh BUILD_DIR [OUTPUT_DIR]"
	echo "The main job in three worlds: embedded, four engines on this machine, simulation."
	echo "What the engines say is kept in OUTPUT_DIR, if it is given."
}
case ${1:-} in
-h | --help)
	usage
	exit 0
	;;
-*)
	echo "demo: $1 is not an option; see --help" >&2
	exit 2
	;;
'')
	usage >&2
	exit 2
	;;
esac
build=$(CDPATH='' cd -- "$1" && pwd)
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
ranks=8
nodes=4
targets=2
ior=$build/workloads/ior
engine=$build/tools/gemel_engine/gemel_engine
sim=$build/tools/gemel_sim/gemel_sim

keep=yes
out=${2:-}
if [ -z "$out" ]; then
	out=$(mktemp -d "${TMPDIR:-/tmp}/gemel-demo.XXXXXX")
	keep=no
fi
mkdir -p "$out"

pids=
# shellcheck disable=SC2317,SC2329
finish() {
	status=$?
	trap - EXIT INT TERM
	for pid in $pids; do
		kill "$pid" 2>/dev/null || true
	done
	for pid in $pids; do
		wait "$pid" 2>/dev/null || true
	done
	if [ $keep = no ]; then
		rm -rf "$out"
	fi
	exit $status
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

run_ior() {	# run_ior WORLD COMMAND…: the tutorial's command, its output shown and its result kept
	world=$1
	shift
	echo
	echo "== $world: $*"
	if ! "$@" > "$out/$world.txt" 2> "$out/$world.err"; then
		cat "$out/$world.txt" "$out/$world.err"
		echo "demo: ior failed in world $world" >&2
		exit 1
	fi
	cat "$out/$world.txt"
	if ! grep "^result world=$world " "$out/$world.txt" >> "$out/results"; then
		echo "demo: no result in world $world" >&2
		exit 1
	fi
}

: > "$out/results"
set -- -a DFS -b 10m -t 1m -w -r -C -e -k --dfs.pool pool --dfs.cont demo

# 1. Embedded: no daemon, no root; the system lives in a directory, ranks are threads.
GEMEL_EMBEDDED=$out/embedded GEMEL_EMBEDDED_TARGETS=$((nodes * targets)) \
	run_ior embedded "$ior" -N $ranks "$@" --result embedded

# 2. Four engines on loopback. Ports: a stretch that is free now, below the ephemeral ones.
port=$(python3 - $nodes $targets <<'PY'
import random, socket, sys
nodes, targets = int(sys.argv[1]), int(sys.argv[2])
for _ in range(200):
    base = random.randrange(20000, 32000 - 100 * nodes)
    held = []
    try:
        for n in range(nodes):
            for t in range(targets + 1):
                s = socket.socket()
                held.append(s)
                s.bind(("127.0.0.1", base + 100 * n + t))
    except OSError:
        continue
    finally:
        for s in held:
            s.close()
    print(base)
    break
else:
    sys.exit("demo: no free ports on 127.0.0.1")
PY
)

{
	echo "name: daos_server"
	echo "ranks:"
	n=0
	while [ $n -lt $nodes ]; do
		echo "  - rank: $n"
		echo "    uri: \"ofi+tcp;ofi_rxm://127.0.0.1:$((port + 100 * n))\""
		echo "    targets: $targets"
		n=$((n + 1))
	done
} > "$out/system.yml"

n=0
while [ $n -lt $nodes ]; do
	cat > "$out/engine$n.yml" <<-YML
	name: daos_server
	system_file: system.yml
	provider: ofi+tcp;ofi_rxm
	engines:
	  - rank: $n
	    targets: $targets
	    fabric_iface_port: $((port + 100 * n))
	    storage:
	      class: file
	      path: $out/node$n
	      bdev_size: 1GiB
	YML
	"$engine" --config "$out/engine$n.yml" --pool pool --format \
		> "$out/engine$n.log" 2>&1 &
	pids="$pids $!"
	n=$((n + 1))
done

n=0
while [ $n -lt $nodes ]; do
	tries=0
	until grep -q "^rank $n ready" "$out/engine$n.log"; do
		tries=$((tries + 1))
		if [ $tries -gt 300 ] || grep -q '^gemel_engine:' "$out/engine$n.log"; then
			cat "$out/engine$n.log" >&2
			echo "demo: engine $n did not start" >&2
			exit 1
		fi
		sleep 0.1
	done
	n=$((n + 1))
done
cat "$out"/engine?.log

GEMEL_SYSTEM=$out/system.yml run_ior ofi "$ior" -N $ranks "$@" --result ofi
for pid in $pids; do
	kill "$pid"
done
for pid in $pids; do
	wait "$pid" || echo "demo: an engine did not stop cleanly" >&2
done
pids=

# 3. The same four nodes in simulation: same core, same ior, virtual time.
run_ior sim "$sim" --profile "$root/hw_profiles/laptop.yaml" --nodes $nodes --ranks $ranks \
	-- ior "$@" --result sim

echo
cat "$out/results"
echo
awk '
	function field(name,   i, kv) {
		for (i = 1; i <= NF; i++) {
			split($i, kv, "=")
			if (kv[1] == name)
				return kv[2]
		}
		return "?"
	}
	BEGIN { printf "%-10s %14s %14s %16s %7s\n", "world", "write MiB/s", "read MiB/s", "verified bytes", "errors" }
	{ printf "%-10s %14s %14s %16s %7s\n", field("world"), field("write_mib_s"), field("read_mib_s"), field("verified_bytes"), field("errors") }
' "$out/results"
awk '!/verified_bytes=83886080 errors=0/ { bad = 1 } END { exit bad || NR != 3 }' "$out/results" || {
	echo "demo: not every world verified 83886080 bytes without errors" >&2
	exit 1
}
