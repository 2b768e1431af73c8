#!/bin/sh
# Lay out the C and C++ of the tree in place, or with --check only tell what would change; see format.py.
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root" && exec python3 tools/format.py "$@"
