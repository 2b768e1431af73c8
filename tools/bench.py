#!/usr/bin/env python3
"""Measure the budgets: every row of the bench programs, or those named.

    sh tools/bench.sh [NAME ...] [--quick] [--rounds N] [--json FILE] [--list]

NAME is a row, a bench program without its "bench_", or a pattern ("csum_*"). For each row prints

    budget NAME value=V unit=U peer=P ratio=R limit=L ok|short|noisy

after a line "detail NAME ..." with the spread and what else the program reported. V and P are medians of 7
rounds (--quick: 3) in which our side and the peer's alternate, each pinned; ratio = V / P. The spread is
(90th - 10th percentile) / median; over 20 % on either side the row is noisy. The exit code is 0 whatever
the verdicts, 2 for a name that does not exist. tests/bench/README.md is the contract of the programs.
"""
import fnmatch
import json
import os
import re
import shlex
import statistics
import subprocess
import sys

from builds import ROOT, Build, BuildError

ROUNDS, QUICK_ROUNDS = 7, 3
NOISY = 0.20
ROUND_TIMEOUT_S = 120
KINDS = ('ratio_max', 'ratio_min', 'abs_max', 'abs_min', 'info')
RESULT = re.compile(r'^value=\S+')


class Failed(Exception):
    """A bench program did not do its part."""


def number(text, what):
    try:
        return float(text)
    except ValueError:
        raise Failed(f'{what}={text} is not a number') from None


def show(v):
    """A number for people and programs: four digits, or all of an integer above a thousand."""
    if v is None:
        return '-'
    return f'{v:.0f}' if abs(v) >= 1000 else f'{v:.4g}'


def spread(values):
    if len(values) < 2:
        return 0.0
    tenths = statistics.quantiles(values, n=10, method='inclusive')
    middle = statistics.median(values)
    return (tenths[8] - tenths[0]) / middle if middle else float('inf')


def fields(line):
    """{key: value} of the words "key=value" of a line; quotes keep blanks together."""
    return dict(w.split('=', 1) for w in shlex.split(line) if '=' in w)


class Row:
    """One line of a program's --list."""

    def __init__(self, program, line):
        self.program, self.name = program, line.split()[0]
        f = fields(line)
        self.kind, self.unit, self.peer = f.get('kind', 'info'), f.get('unit', '-'), f.get('peer')
        if self.kind not in KINDS:
            raise Failed(f'{os.path.basename(program)}: {self.name}: kind={self.kind} is none of {" ".join(KINDS)}')
        self.limit = number(f['limit'], 'limit') if self.kind != 'info' else None
        self.peer_value = number(f['peer_value'], 'peer_value') if 'peer_value' in f else None
        self.pinned = f.get('pin', '1') != '0'
        if self.kind.startswith('ratio') and self.peer is None and self.peer_value is None:
            raise Failed(f'{self.name} has kind={self.kind} and no peer')

    def limit_text(self):
        if self.limit is None:
            return '-'
        sign = '<=' if self.kind.endswith('max') else '>='
        return f'{sign}{self.limit:g}{"x" if self.kind.startswith("ratio") else ""}'

    def met(self, value, ratio):
        if self.limit is None:
            return True
        got = ratio if self.kind.startswith('ratio') else value
        return got <= self.limit if self.kind.endswith('max') else got >= self.limit


class Side:
    """The rounds of one side of a row."""

    def __init__(self):
        self.values, self.cpu, self.note = [], [], ''

    def take(self, out, unit):
        self.values.append(number(out['value'], 'value'))
        if out.get('unit', unit) != unit:
            raise Failed(f'a round reports unit={out["unit"]}, the list says {unit}')
        if 'cpu_us_per_op' in out:
            self.cpu.append(number(out['cpu_us_per_op'], 'cpu_us_per_op'))
        self.note = out.get('note', self.note)

    def median(self):
        return statistics.median(self.values) if self.values else None


def run_round(row, side, cpus):
    cores = cpus[-1:] if row.pinned else cpus[:2]
    cmd = ['taskset', '-c', ','.join(map(str, cores)), row.program, '--row', row.name, '--side', side]
    try:
        proc = subprocess.run(cmd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, errors='replace', timeout=ROUND_TIMEOUT_S, cwd=ROOT)
    except subprocess.TimeoutExpired:
        raise Failed(f'side {side} took over {ROUND_TIMEOUT_S} s') from None
    lines = [ln for ln in proc.stdout.splitlines() if RESULT.match(ln)]
    if proc.returncode != 0 or not lines:
        said = (proc.stderr.strip() or proc.stdout.strip() or 'nothing').splitlines()[-1]
        raise Failed(f'side {side} exits {proc.returncode} and says: {said}')
    return fields(lines[-1])


def measure(row, rounds, cpus):
    """The row's result as a dict; a program that fails makes a row that is short."""
    us, peer = Side(), Side()
    error = None
    try:
        for _ in range(rounds):
            us.take(run_round(row, 'us', cpus), row.unit)
            if row.peer is not None and row.peer_value is None:
                peer.take(run_round(row, 'peer', cpus), row.unit)
    except Failed as err:
        error = str(err)
    value, against = us.median(), row.peer_value if row.peer_value is not None else peer.median()
    ratio = value / against if value is not None and against else None
    spreads = spread(us.values), spread(peer.values)
    if error or (row.kind.startswith('ratio') and ratio is None):
        verdict = 'short'
    elif max(spreads) > NOISY:
        verdict = 'noisy'
    else:
        verdict = 'ok' if row.met(value, ratio) else 'short'
    return {'name': row.name, 'value': value, 'unit': row.unit, 'peer': against, 'ratio': ratio,
            'limit': row.limit, 'kind': row.kind, 'verdict': verdict, 'limit_text': row.limit_text(),
            'peer_is': row.peer, 'spread': spreads[0], 'peer_spread': spreads[1],
            'values': us.values, 'peer_values': peer.values,
            'cpu_us_per_op': statistics.median(us.cpu) if us.cpu else None,
            'peer_cpu_us_per_op': statistics.median(peer.cpu) if peer.cpu else None,
            'note': us.note, 'peer_note': peer.note, 'error': error}


def report(r):
    detail = [f'rounds={len(r["values"])}', f'spread={100 * r["spread"]:.1f}%']
    if r['peer_values']:
        detail.append(f'peer_spread={100 * r["peer_spread"]:.1f}%')
    for key in ('cpu_us_per_op', 'peer_cpu_us_per_op'):
        if r[key] is not None:
            detail.append(f'{key}={show(r[key])}')
    for key in ('peer_is', 'note', 'peer_note', 'error'):
        if r[key]:
            detail.append(f'{key}={json.dumps(r[key])}')
    print(f'detail {r["name"]} {" ".join(detail)}')
    print(f'budget {r["name"]} value={show(r["value"])} unit={r["unit"]} peer={show(r["peer"])} '
          f'ratio={show(r["ratio"])} limit={r["limit_text"]} {r["verdict"]}', flush=True)


def programs(folder):
    """The bench programs: of the release build, made now, or those of a folder (for the tool's own test)."""
    if folder:
        return sorted(os.path.join(folder, f) for f in os.listdir(folder) if f.startswith('bench_'))
    build = Build('release')
    build.refresh()
    files = build.files(lambda t: t['name'].startswith('bench_'))
    if files:
        build.ninja(files + extras(build))
    return [os.path.join(build.dir, f) for f in sorted(files)]


def extras(build):
    """Programs that benches start: everything that a plain build makes and can be run."""
    return build.files(lambda t: t['type'] == 'executable' and t['build_by_default'] and
                       not t['name'].startswith(('test_', 'fuzz_')))


def rows_of(program):
    try:
        out = subprocess.run([program, '--list'], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=30)
    except subprocess.TimeoutExpired:
        raise Failed(f'{program} --list does not end') from None
    if out.returncode != 0:
        raise Failed(f'{program} --list exits {out.returncode}: {out.stderr.strip()}')
    return [Row(program, ln) for ln in out.stdout.splitlines() if ln.strip()]


def chosen(rows, names):
    if not names:
        return rows
    picked = []
    for name in names:
        hits = [r for r in rows if fnmatch.fnmatchcase(r.name, name)] or \
               [r for r in rows if fnmatch.fnmatchcase(os.path.basename(r.program), 'bench_' + name)]
        if not hits:
            raise Failed(f'no row and no bench program is called {name}; --list names all')
        picked += [r for r in hits if r not in picked]
    return picked


def machine():
    with open('/proc/cpuinfo', encoding='utf-8') as f:
        model = next((ln.split(':', 1)[1].strip() for ln in f if ln.startswith('model name')), 'unknown')
    commit = subprocess.run(['git', 'describe', '--always', '--dirty'], cwd=ROOT, stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, text=True).stdout.strip()
    return {'cpu': model, 'cpus': len(os.sched_getaffinity(0)), 'commit': commit, 'load': os.getloadavg()[0]}


def options(argv):
    opts = {'names': [], 'rounds': ROUNDS, 'json': None, 'folder': None, 'list': False, 'help': False}
    args = list(argv)
    while args:
        arg = args.pop(0)
        if arg in ('-h', '--help'):
            opts['help'] = True
        elif arg == '--list':
            opts['list'] = True
        elif arg == '--quick':
            opts['rounds'] = QUICK_ROUNDS
        elif arg in ('--rounds', '--json', '--folder'):
            if not args:
                raise Failed(f'{arg} needs a value')
            opts[arg[2:]] = args.pop(0)
        elif arg.startswith('-'):
            raise Failed(f'{arg} is not an option; see --help')
        else:
            opts['names'].append(arg)
    opts['rounds'] = int(number(opts['rounds'], '--rounds'))
    if opts['rounds'] < 1:
        raise Failed('--rounds needs at least 1')
    return opts


def main(argv):
    try:
        opts = options(argv)
        if opts['help']:
            print(__doc__.strip())
            return 0
        rows = chosen([r for p in programs(opts['folder']) for r in rows_of(p)], opts['names'])
    except (Failed, BuildError) as err:
        print(f'bench: {err}', file=sys.stderr)
        return 2
    if opts['list']:
        for r in rows:
            print(f'{r.name} unit={r.unit} limit={r.limit_text()} peer={r.peer or "-"} ({os.path.basename(r.program)})')
        return 0
    about = machine()
    print(f'# {about["cpu"]}, {about["cpus"]} CPUs, commit {about["commit"]}, load {about["load"]:.2f}, '
          f'{opts["rounds"]} rounds')
    cpus = sorted(os.sched_getaffinity(0))
    results = []
    for row in rows:
        results.append(measure(row, opts['rounds'], cpus))
        report(results[-1])
    if opts['json']:
        with open(opts['json'], 'w', encoding='utf-8') as f:
            json.dump({'machine': about, 'rows': results}, f, indent=1)
            f.write('\n')
    return 0


if __name__ == '__main__':
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
