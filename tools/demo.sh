#!/bin/sh
# Set up, build, and run the main job of the README. Exits 0 only if the job ran and verified its data.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"

case ${1:-} in
'') ;;
-h | --help)
	echo "Usage: sh tools/demo.sh"
	echo "Install what is missing, build, and run the main job: ior with 8 ranks, three times, in one"
	echo "process, against four engines on this machine, and on the same four nodes in simulation."
	exit 0
	;;
*)
	echo "demo: $1 is not an option; see --help" >&2
	exit 2
	;;
esac

# The job itself; it gets the build directory and prints its own results.
job=tools/demo_job.sh

echo "demo: set-up"
sh tools/setup.sh

echo "demo: build (release)"
start=$(date +%s)
build=$(python3 tools/builds.py release all)
echo "demo: built in $(($(date +%s) - start)) s"

if [ ! -e "$job" ]; then
	echo "demo: $job does not exist yet" >&2
	exit 1
fi
exec sh "$job" "$build"
