#!/bin/sh
# Set up, build, and run the main job of the README. Exits 0 only if the job ran and verified its data.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"

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
