#!/bin/sh
# Layer and style checks; see tools/tidy.py. Paths are relative to the root of the tree.
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root" && exec python3 tools/tidy.py "$@"
