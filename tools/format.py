#!/usr/bin/env python3
"""Lay out C and C++ by .clang-format.

    sh tools/format.sh [--check] [PATH ...]     in place; with --check say what would change, exit 1

clang-format 14 cannot leave columns that stand at tab stops alone: trailing comments, values of macros,
names of members. So a line that differs from clang-format's only in the space before its trailing
comment, or in tabs inside the line, stays as it is. Directives, macros among them, and tables (initialisers)
are laid out by hand.
"""
import difflib
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

EXT = ('.c', '.h', '.cpp', '.hpp', '.cc', '.hh')
COLUMN = re.compile(r'(?<=\S)(?:[ \t]+(?=/\*|//)| *\t[ \t]*(?=\S))')

# Lines of tables. clang-format would put every designator and every string on a line of its own, rows into
# columns that shift with each new row, and the line after a macro that stands alone behind it.
TABLE = re.compile(r'''.*(?:^|[{,\s])(?:\.\w+|\[\w+\])\s*=\s
                     | \s*\{.*\},?\s*$
                     | .*"\s+"
                     | \s*cmocka_unit_test\w*\(.*\),\s*$
                     | \s*[A-Z][A-Z0-9_]*\([^()]*\)\s*$''', re.X)
COLUMNS = 100


def listed(paths):
    if os.path.exists('.git'):
        out = subprocess.run(['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard', '--', *paths],
                             stdout=subprocess.PIPE, check=True).stdout.decode()
        names = out.split('\0')
    else:
        names = [os.path.relpath(os.path.join(d, f)) for p in paths or ['.'] for d, _, fs in os.walk(p) for f in fs
                 if not re.search(r'(^|/)build[^/]*(/|$)', d)]
    return sorted({n for n in names if n.endswith(EXT) and os.path.isfile(n)})


def key(line):
    return COLUMN.sub(' ', line)


def same_table(old, new):
    """Is this part of a table that fits the page?"""
    return any(TABLE.match(x) for x in old) and ''.join(old).split() == ''.join(new).split() and \
        all(len(x.rstrip().expandtabs(8)) <= COLUMNS for x in old)


def ranges(lines):
    """--lines options for all but the directives and their continuations."""
    result, start, inside = [], None, False
    for no, line in enumerate(lines + ['#'], 1):
        inside = inside or bool(re.match(r'\s*#', line))
        if not inside and start is None:
            start = no
        elif inside and start is not None:
            result.append(f'--lines={start}:{no - 1}')
            start = None
        inside = inside and line.rstrip('\r\n').endswith('\\')
    return result


def formatted(item):
    """Lines of the file as they should be: clang-format's, but with our columns."""
    path, old = item
    parts = ranges(old)
    if not parts:
        return old
    out = subprocess.run(['clang-format', '--style=file', *parts, path], stdout=subprocess.PIPE, check=True)
    new = out.stdout.decode(errors='surrogateescape').splitlines(keepends=True)
    match = difflib.SequenceMatcher(None, [key(x) for x in old], [key(x) for x in new], autojunk=False)
    result = []
    for op, a, b, c, d in match.get_opcodes():
        result += old[a:b] if op == 'equal' or same_table(old[a:b], new[c:d]) else new[c:d]
    return result


def lines_of(path):
    with open(path, encoding='utf-8', errors='surrogateescape', newline='') as f:
        return f.read().splitlines(keepends=True)


def main(argv):
    if '-h' in argv or '--help' in argv:
        print(__doc__.strip())
        return 0
    wrong = [a for a in argv if a.startswith('-') and a != '--check']
    if wrong:
        print(f'format: {wrong[0]} is not an option; see --help', file=sys.stderr)
        return 2
    check = '--check' in argv
    paths = listed([a for a in argv if a != '--check'])
    old = {p: lines_of(p) for p in paths}
    with ThreadPoolExecutor(max(1, len(os.sched_getaffinity(0)))) as pool:
        new = dict(zip(paths, pool.map(formatted, old.items())))
    wrong = [p for p in paths if new[p] != old[p]]
    for p in wrong:
        if check:
            diff = list(difflib.unified_diff(old[p], new[p], p, 'as .clang-format wants it', n=0))
            sys.stdout.writelines(x.encode('utf-8', 'replace').decode() for x in diff[:24])
            if len(diff) > 24:
                print(f'... {len(diff) - 24} more lines of {p}')
        else:
            with open(p, 'w', encoding='utf-8', errors='surrogateescape', newline='') as f:
                f.writelines(new[p])
    if not wrong:
        verdict = 'all as .clang-format wants it'
    elif check:
        verdict = f'{len(wrong)} not as .clang-format wants it (sh tools/format.sh lays them out): {" ".join(wrong)}'
    else:
        verdict = f'laid out {" ".join(wrong)}'
    print(f'format: {len(paths)} files, {verdict}')
    return 1 if check and wrong else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
