#!/usr/bin/env python3
"""Test of tools/bench.py on programs with known numbers. Prints "ok NAME" or "FAIL NAME why"."""
import json
import os
import re
import stat
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Each row plays back a list of values per side, one per round; the position is kept in a file.
PROGRAM = r'''#!/usr/bin/env python3
import os, sys
ROWS = {
    'fast':    ('kind=ratio_max limit=1.3 unit=us peer="a bare loop"', [5, 6, 7], [5, 6, 7]),
    'slow':    ('kind=ratio_max limit=1.3 unit=us peer=x', [14, 14, 14], [10, 10, 10]),
    'enough':  ('kind=ratio_min limit=0.95 unit=MiB/s peer=x', [96, 96, 96], [100, 100, 100]),
    'little':  ('kind=ratio_min limit=0.95 unit=MiB/s peer=x', [94, 94, 94], [100, 100, 100]),
    'rate':    ('kind=abs_min limit=160000 unit=op/s pin=0', [160001, 170000, 150000], None),
    'bytes':   ('kind=abs_max limit=32768 unit=B', [32769, 32769, 32769], None),
    'const':   ('kind=ratio_min limit=2 unit=op/s peer="DAOS 2.8.0" peer_value=80000', [160000] * 3, None),
    'shaky':   ('kind=abs_min limit=1 unit=op/s', [10, 20, 30], None),
    'shaky_peer': ('kind=ratio_min limit=0.1 unit=op/s peer=x', [10, 10, 10], [10, 20, 30]),
    'told':    ('kind=info unit=us', [3, 1, 2], None),
    'crash':   ('kind=abs_min limit=1 unit=op/s', None, None),
}
if sys.argv[1:] == ['--list']:
    for name, row in ROWS.items():
        print(name, row[0])
    sys.exit(0)
name, side = sys.argv[2], sys.argv[4]
assert sys.argv[1] == '--row' and sys.argv[3] == '--side'
values = ROWS[name][1 if side == 'us' else 2]
if values is None:
    print('no device', file=sys.stderr)
    sys.exit(3)
log = os.path.join(os.path.dirname(__file__), 'log')
with open(log, 'a+') as f:
    f.seek(0)
    n = sum(ln.split()[:2] == [name, side] for ln in f)
    print(name, side, len(os.sched_getaffinity(0)), file=f)
unit = ROWS[name][0].split('unit=')[1].split()[0]
print('warming up')
print(f'value={values[n % len(values)]} unit={unit} cpu_us_per_op=2.5 note="round {n}"')
'''
EXPECT = {
    'fast': 'value=6 unit=us peer=6 ratio=1 limit=<=1.3x noisy',
    'slow': 'value=14 unit=us peer=10 ratio=1.4 limit=<=1.3x short',
    'enough': 'value=96 unit=MiB/s peer=100 ratio=0.96 limit=>=0.95x ok',
    'little': 'value=94 unit=MiB/s peer=100 ratio=0.94 limit=>=0.95x short',
    'rate': 'value=160001 unit=op/s peer=- ratio=- limit=>=160000 ok',
    'bytes': 'value=32769 unit=B peer=- ratio=- limit=<=32768 short',
    'const': 'value=160000 unit=op/s peer=80000 ratio=2 limit=>=2x ok',
    'shaky': 'value=20 unit=op/s peer=- ratio=- limit=>=1 noisy',
    'shaky_peer': 'value=10 unit=op/s peer=20 ratio=0.5 limit=>=0.1x noisy',
    'told': 'value=2 unit=us peer=- ratio=- limit=- noisy',
    'crash': 'value=- unit=op/s peer=- ratio=- limit=>=1 short',
}
failed = 0


def verdict(name, good, why=''):
    global failed
    failed += not good
    print(f'ok {name}' if good else f'FAIL {name} {why}')


def bench(folder, *args):
    cmd = [sys.executable, os.path.join(ROOT, 'tools/bench.py'), '--folder', folder, *args]
    return subprocess.run(cmd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def main():
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, 'bench_fake')
        with open(program, 'w', encoding='utf-8') as f:
            f.write(PROGRAM)
        os.chmod(program, os.stat(program).st_mode | stat.S_IXUSR)
        out = bench(folder, '--quick', '--json', os.path.join(folder, 'result.json'))
        lines = dict(re.findall(r'^budget (\S+) (.*)$', out.stdout, re.M))
        for name, want in EXPECT.items():
            verdict(f'bench-{name}', lines.get(name) == want, f'{lines.get(name)} is not {want}')
        verdict('bench-exit-code', out.returncode == 0, f'exit {out.returncode}')
        verdict('bench-error-shown', 'error="side us exits 3 and says: no device"' in out.stdout)
        verdict('bench-cpu-time', re.search(r'^detail slow .*cpu_us_per_op=2.5 peer_cpu_us_per_op=2.5', out.stdout, re.M))
        with open(os.path.join(folder, 'result.json'), encoding='utf-8') as f:
            rows = {r['name']: r for r in json.load(f)['rows']}
        verdict('bench-json', rows['slow']['values'] == [14, 14, 14] and rows['slow']['verdict'] == 'short')
        with open(os.path.join(folder, 'log'), encoding='utf-8') as f:
            runs = [ln.split() for ln in f]
        sides = [r[1] for r in runs if r[0] == 'slow']
        verdict('bench-alternates', sides == ['us', 'peer'] * 3, str(sides))
        verdict('bench-pinned', {r[2] for r in runs if r[0] == 'slow'} == {'1'}, str(runs))
        wide = str(min(2, len(os.sched_getaffinity(0))))
        verdict('bench-two-cpus', {r[2] for r in runs if r[0] == 'rate'} == {wide}, str(runs))
        out = bench(folder, '--rounds', '7', 'lit*')
        verdict('bench-seven-rounds', 'detail little rounds=7 ' in out.stdout and 'budget slow' not in out.stdout)
        verdict('bench-unknown-name', bench(folder, 'nosuch').returncode == 2)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
