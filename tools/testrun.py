#!/usr/bin/env python3
"""Build and test everything, or the parts named.

    sh tools/test.sh [--suite NAME ...] [--list] [--jobs N] [--fuzz-seconds N] [--KEY VALUE ...]

A NAME is a group (see --list), a suite of meson tests, or one meson test. Without --suite every group
runs, except tests tagged "slow", which run only when named. Any other --KEY VALUE is handed to
the test programs in the environment variable GEMEL_TEST_ARGS.

Where a meson test runs: suite "unit" under ASan and UBSan and in the LTO release build, all others in the
gcc build; further tags of "gcc", "clang", "debug", "san" or "release" say otherwise.

Whatever cannot run counts as failed: a test that skips, a build that fails and the tests behind it. So
does a group that leaves a process, or a file in its TMPDIR, behind. The last line is "N passed, N failed"; the exit code is 0 if nothing failed and something passed.
"""
import ctypes
import fnmatch
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

from builds import KINDS, ROOT, Build, BuildError, jobs_default, run

LOGS = os.path.join(ROOT, 'build-logs')
TAIL_LINES = 60
# Seconds a group may take on two cores; more is reported, not failed.
BUDGETS = {'build-gcc': 150, 'build-clang': 150, 'format': 20, 'tidy': 60, 'tidy-plant': 90, 'tools': 60,
           'unit-san': 180, 'unit-release': 180, 'fuzz': 240}
BUDGET_OTHER = 180
BUILD_TAGS = {'gcc', 'clang', 'debug', 'san', 'release'}
SYMBOLIZER = '/usr/lib/llvm-14/bin/llvm-symbolizer'
SAN_ENV = {
    'ASAN_OPTIONS': 'halt_on_error=1:abort_on_error=1:print_summary=1:detect_leaks=1:'
                    'detect_stack_use_after_return=0:fast_unwind_on_malloc=0',  # libraries have no frame pointers
    'LSAN_OPTIONS': f'suppressions={ROOT}/tests/lsan.supp:print_suppressions=0',
    'UBSAN_OPTIONS': 'halt_on_error=1:abort_on_error=1:print_summary=1:print_stacktrace=1',
    'ASAN_SYMBOLIZER_PATH': SYMBOLIZER,
}
# A cmocka test that skips leaves the program's exit code 0.
SKIPPED = re.compile(r'^\[  SKIPPED \]', re.M)

SANITIZER = re.compile(r'^(==\d+==|WARNING: ThreadSan).*(ERROR|Sanitizer)|runtime error: ')


class Usage(Exception):
    pass


class Options:
    def __init__(self, argv):
        self.suites, self.list, self.help = [], False, False
        self.jobs, self.fuzz_seconds = jobs_default(), 20
        through = []
        args = list(argv)
        while args:
            arg = args.pop(0)
            if arg in ('-h', '--help'):
                self.help = True
                continue
            if arg == '--list':
                self.list = True
                continue
            if not arg.startswith('--') or len(arg) < 3:
                raise Usage(f'"{arg}" is not an option; suites are named by --suite NAME')
            key, eq, value = arg.partition('=')
            if not eq:
                if not args or args[0].startswith('--'):
                    raise Usage(f'{key} needs a value')
                value = args.pop(0)
            self.take(key, value, args, through)
        self.test_args = ' '.join(through)

    def take(self, key, value, args, through):
        if key == '--suite':
            self.suites += [s for s in value.split(',') if s]
            while args and not args[0].startswith('-'):
                self.suites.append(args.pop(0))
        elif key in ('--jobs', '--fuzz-seconds'):
            if not value.isdigit() or int(value) == 0:
                raise Usage(f'{key} needs a number above 0, not "{value}"')
            setattr(self, key[2:].replace('-', '_'), int(value))
        else:
            through += [key, value]


class Group:
    """A part of the run: its name, what runs it, and the meson tests in it if it is made of those."""

    def __init__(self, name, work, tests=None, kind=None):
        self.name, self.work, self.kind = name, work, kind
        self.tests, self.from_meson = tests or [], tests is not None


class Report:
    """Counts, prints as it goes, and keeps what failed for the end."""

    def __init__(self):
        self.passed, self.failed = 0, []
        shutil.rmtree(LOGS, ignore_errors=True)
        os.makedirs(LOGS)

    def add(self, group, name, ok, seconds, output='', why=''):
        if ok:
            self.passed += 1
            print(f'  ok    {name} {seconds:.1f}s', flush=True)
            return
        log = os.path.join(LOGS, re.sub(r'[^\w.-]+', '_', f'{group}-{name}') + '.log')
        with open(log, 'w', encoding='utf-8') as f:
            f.write(output)
        self.failed.append((group, name, why, output, os.path.relpath(log, ROOT)))
        print(f'  FAIL  {name} {seconds:.1f}s {why}', flush=True)

    def finish(self):
        for group, name, why, output, log in self.failed:
            if not output.strip():
                continue                # its one line above says it all
            lines = output.rstrip().splitlines()
            print(f'\n==== {group}: {name} failed{": " + why if why else ""}')
            if len(lines) > TAIL_LINES:
                print(f'     ({len(lines) - TAIL_LINES} lines left out; all of it: {log})')
            for line in shortened(lines):
                print('     ' + line[:400])
        if self.failed:
            print('\nfailed:', ' '.join(f'{g}/{n}' for g, n, *_ in self.failed))
        print(f'{self.passed} passed, {len(self.failed)} failed', flush=True)
        return 0 if self.passed and not self.failed else 1


def shortened(lines):
    """The last lines; of a sanitizer's report the first, which say what and where, not its memory map."""
    start = next((n for n, ln in enumerate(lines) if SANITIZER.search(ln)), None)
    if start is None:
        return lines[-TAIL_LINES:]
    start = max(0, start - 5)
    return lines[start:start + TAIL_LINES]


class Leftovers:
    """What a group leaves behind: processes that outlive it, files in the TMPDIR that it is given."""
    PATIENCE_S = 5          # what was told to end may take this long

    def __init__(self):
        self.base, self.dir = tempfile.gettempdir(), None
        # Orphans become our children instead of those of process 1.
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)     # PR_SET_CHILD_SUBREAPER

    def start(self):
        self.dir = tempfile.mkdtemp(prefix='gemel-test-', dir=self.base)
        os.environ['TMPDIR'] = self.dir

    @staticmethod
    def orphans():
        """{pid: command} of our living children; between groups we have none of our own."""
        with subprocess.Popen(['ps', '--ppid', str(os.getpid()), '-o', 'pid=,stat=,args='],
                              stdout=subprocess.PIPE, text=True) as ps:
            rows = [line.split(None, 2) for line in ps.communicate()[0].splitlines()]
        found = {}
        for pid, stat, args in rows:
            if stat.startswith('Z'):
                os.waitpid(int(pid), 0)
            elif int(pid) != ps.pid:
                found[int(pid)] = args
        return found

    def end(self):
        """What is left, a line each; afterwards it is gone."""
        deadline = time.monotonic() + self.PATIENCE_S
        left = self.orphans()
        while left and time.monotonic() < deadline:
            time.sleep(0.1)
            left = self.orphans()
        for pid in left:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        files = sorted(os.listdir(self.dir))
        os.environ['TMPDIR'] = self.base
        shutil.rmtree(self.dir, ignore_errors=True)
        return [f'process {pid}: {args}' for pid, args in left.items()] + [f'file {f}' for f in files]


def tags(test):
    return [s.rpartition(':')[2] for s in test['suite']]


def suite_of(test):
    return next((t for t in tags(test) if t not in BUILD_TAGS and t != 'slow'), 'other')


def kinds_of(test):
    named = [t for t in tags(test) if t in BUILD_TAGS]
    return named or (['san', 'release'] if suite_of(test) == 'unit' else ['gcc'])


class Runner:
    def __init__(self, opts):
        self.opts = opts
        self.report = Report()
        self.builds = {k: Build(k) for k in KINDS}
        self.state = {}         # kind -> None when built in full, or the text of the failure
        self.tests = []         # as meson tells them

    # -- what there is ---------------------------------------------------------------------------

    def discover(self):
        """Every meson test, from any build that can be configured."""
        error = None
        for kind in ('gcc', 'release', 'clang'):
            try:
                self.builds[kind].refresh()
                self.tests = self.builds[kind].introspect('tests')
                return
            except BuildError as err:
                error = error or err
        raise error

    def groups(self):
        """All groups in the order of running."""
        found = [Group('build-gcc', lambda g: self.build_all(g, 'gcc')),
                 Group('tidy', lambda g: self.script(g, ['sh', 'tools/tidy.sh'])),
                 Group('tidy-plant', lambda g: self.verdicts(g, ['sh', 'tests/tidy/plant.sh'])),
                 Group('format', lambda g: self.script(g, ['sh', 'tools/format.sh', '--check'])),
                 Group('tools', lambda g: self.verdicts(g, ['python3', 'tests/tidy/test_testrun.py'],
                                                        ['python3', 'tests/bench/selftest.py'])),
                 Group('build-clang', lambda g: self.build_all(g, 'clang'))]
        quick = [t for t in self.tests if 'slow' not in tags(t)]
        found += [self.meson_group(suite, kind, quick) for suite, kind in self.meson_groups()]
        return found + [Group('fuzz', self.fuzz)]

    def meson_group(self, suite, kind, tests):
        """Those of the tests that are of the suite and run in this kind of build."""
        part = [t for t in tests if suite_of(t) == suite and kind in kinds_of(t)]
        return Group(suite if kind == 'gcc' else f'{suite}-{kind}',
                     lambda g: self.meson(g, kind, part), part, kind)

    def meson_groups(self):
        pairs = {(suite_of(t), k) for t in self.tests for k in kinds_of(t)}
        order = list(KINDS)
        return sorted(pairs, key=lambda p: (p[0] != 'unit', p[0], order.index(p[1])))

    def select(self):
        """The groups to run: all, or what --suite named."""
        groups = self.groups()
        if not self.opts.suites:
            return groups
        chosen, unknown = {}, []
        for want in self.opts.suites:
            hits = self.named(want, groups)
            for g in hits:
                old = chosen.get(g.name)
                chosen[g.name] = g if old is None else self.merged(old, g)
            if not hits:
                unknown.append(want)
        if unknown:
            raise Usage(f'no group, suite or test is called {" ".join(unknown)}; --list names all')
        return list(chosen.values())

    def merged(self, a, b):
        """The same group, named twice: with the meson tests of both."""
        if not a.from_meson:
            return a
        tests = a.tests + [t for t in b.tests if t not in a.tests]
        return Group(a.name, lambda g: self.meson(g, a.kind, tests), tests, a.kind)

    def named(self, want, groups):
        """What one NAME means: groups, else a tag of meson tests, else meson tests, else a fuzz target."""
        hits = [g for g in groups if fnmatch.fnmatchcase(g.name, want)]
        if hits and any(g.tests or not g.from_meson for g in hits):
            return hits
        tests = [t for t in self.tests if want in tags(t)] or \
                [t for t in self.tests if fnmatch.fnmatchcase(t['name'], want)]
        hits = [self.meson_group(suite, kind, tests) for suite, kind in self.meson_groups()]
        hits = [g for g in hits if g.tests]
        if not hits and want.startswith('fuzz_'):
            hits = [Group('fuzz', lambda g: self.fuzz(g, want))]
        return hits

    def show(self):
        for group in self.groups():
            print(group.name)
            for t in group.tests:
                print(f'    {t["name"]}')
        slow = [t['name'] for t in self.tests if 'slow' in tags(t)]
        if slow:
            print('only when named:')
            print(''.join(f'    {name}\n' for name in slow), end='')

    # -- groups ----------------------------------------------------------------------------------

    def build(self, kind, targets=None):
        """None, or the text of the failure. A full build is done once per run."""
        if kind in self.state:
            return self.state[kind]
        try:
            self.builds[kind].refresh()
            self.builds[kind].ninja(targets or self.builds[kind].everything(), self.opts.jobs)
            failure = None
        except BuildError as err:
            failure = str(err)
        if targets is None:
            self.state[kind] = failure
        return failure

    def build_all(self, group, kind):
        start = time.monotonic()
        failure = self.build(kind)
        self.report.add(group, group, failure is None, time.monotonic() - start, failure or '',
                        'does not build' if failure else '')
        if kind == 'gcc' and failure is None:
            self.registered(group)

    def registered(self, group):
        """A test program in the tree that meson does not know would never run, and nobody would miss it."""
        known = {os.path.basename(s) for t in self.builds['gcc'].introspect('targets')
                 for src in t['target_sources'] for s in src['sources']}
        files = glob.glob(os.path.join(ROOT, 'tests/unit/test_*.c*'))
        lost = [os.path.relpath(f, ROOT) for f in files if os.path.basename(f) not in known]
        self.report.add(group, 'registered', not lost, 0, '\n'.join(lost),
                        'no meson.build names these test programs' if lost else '')

    def script(self, group, cmd):
        start = time.monotonic()
        rc, out = run(cmd, timeout_s=600)
        self.report.add(group, group, rc == 0, time.monotonic() - start, out, f'exit {rc}')

    def verdicts(self, group, *cmds):
        """Scripts that are many tests: each prints "ok NAME" or "FAIL NAME why" for each of its own."""
        for cmd in cmds:
            start = time.monotonic()
            rc, out = run(cmd, timeout_s=600)
            results = re.findall(r'^(ok|FAIL) (\S+)(.*)$', out, re.M)
            for verdict, name, why in results:
                self.report.add(group, name, verdict == 'ok', 0, out, why.strip())
            if not results or (rc != 0 and all(r[0] == 'ok' for r in results)):
                self.report.add(group, cmd[-1], False, time.monotonic() - start, out, f'exit {rc}')

    def meson(self, group, kind, tests):
        if not tests:
            return
        build = self.builds[kind]
        failure = self.meson_build(kind, tests)
        if failure is not None:
            if not any(f[1] == f'build-{kind}' for f in self.report.failed):
                self.report.add(group, f'build-{kind}', False, 0, failure, 'does not build')
            for t in tests:
                self.report.add(group, t['name'], False, 0, '', f'not run: build-{kind} failed')
            return
        names = sorted({t['name'] for t in tests})
        base = 'gemel-' + group
        log = os.path.join(build.dir, 'meson-logs', base + '.json')
        if os.path.exists(log):
            os.remove(log)
        env = {'GEMEL_TEST_ARGS': self.opts.test_args}
        if kind == 'san':
            env.update(SAN_ENV)
        rc, out = run(['meson', 'test', '-C', build.dir, '--no-rebuild', '--logbase', base,
                       '--num-processes', str(self.opts.jobs),
                       '--timeout-multiplier', '3' if kind == 'san' else '1', *names], env)
        self.meson_results(group, tests, log, rc, out)

    def meson_build(self, kind, tests):
        """Sanitizer and release builds make what their tests need; the gcc build makes everything."""
        if kind in ('gcc', 'clang'):
            return self.build(kind)
        try:
            self.builds[kind].refresh()
            names = {t['name'] for t in tests}
            here = [t for t in self.builds[kind].introspect('tests') if t['name'] in names]
            ids = {d for t in here for d in t['depends']}
            files = self.builds[kind].files(lambda t: t['id'] in ids)
        except BuildError as err:
            return str(err)
        return self.build(kind, files or None)

    def meson_results(self, group, tests, log, rc, out):
        want = {(t['name'], suite_of(t)) for t in tests}
        seen = set()
        try:
            with open(log, encoding='utf-8') as f:
                results = [json.loads(line) for line in f if line.strip()]
        except OSError:
            results = []
        for r in results:
            head, _, name = r['name'].rpartition(' / ')
            mine = [w for w in want if w[0] == name and
                    (not head or w[1] in re.split(r'[:+]', head) or w[1] == 'other')]
            if not mine:
                continue
            seen.add(mine[0])
            text = r.get('stdout', '') + r.get('stderr', '')
            verdict = r['result']
            ok = verdict in ('OK', 'EXPECTEDFAIL') and not SKIPPED.search(text)
            why = 'skipped' if verdict == 'OK' else f'{verdict} (exit {r.get("returncode")})'
            self.report.add(group, name, ok, r.get('duration') or 0,
                            f'{" ".join(r["command"])}\n{text}', why)
        for name, _ in sorted(want - seen):
            self.report.add(group, name, False, 0, out, f'meson gave no result (exit {rc})')

    # -- fuzz smoke ------------------------------------------------------------------------------

    def fuzz(self, group, only=None):
        sources = sorted(glob.glob(os.path.join(ROOT, 'tests/fuzz/fuzz_*.c')))
        names = [os.path.basename(s)[len('fuzz_'):-2] for s in sources]
        names = [n for n in names if only in (None, 'fuzz_' + n)]
        if not names:
            if only:
                self.report.add(group, only, False, 0, '', 'no such fuzz target')
            return
        build = self.builds['fuzz']
        try:
            build.refresh()
            targets = build.files(lambda t: t['name'] in ['fuzz_' + n for n in names])
        except BuildError as err:
            targets, failure = [], str(err)
        else:
            failure = self.build('fuzz', targets) if targets else 'no meson.build names them'
        if failure is not None:
            for n in names:
                self.report.add(group, n, False, 0, failure, 'build-fuzz failed')
            return
        exes = {os.path.basename(t): os.path.join(build.dir, t) for t in targets}
        with ThreadPoolExecutor(self.opts.jobs) as pool:
            for name, result in zip(names, pool.map(lambda n: self.fuzz_one(n, exes), names)):
                self.report.add(group, name, *result)

    def fuzz_one(self, name, exes):
        """Replay the committed corpus, then search on for a while; new inputs stay out of the tree."""
        start = time.monotonic()
        exe = exes.get('fuzz_' + name)
        corpus = os.path.join(ROOT, 'tests/fuzz/corpus', name)
        if exe is None:
            return False, 0, '', 'no meson.build names it'
        if not os.path.isdir(corpus) or not os.listdir(corpus):
            return False, 0, '', f'no committed corpus in tests/fuzz/corpus/{name}'
        work = os.path.join(self.builds['fuzz'].dir, 'work', name)
        os.makedirs(work, exist_ok=True)
        base = [exe, '-timeout=10', '-rss_limit_mb=2048', f'-artifact_prefix={work}/crash-']
        env = dict(SAN_ENV)
        found = os.path.join(work, 'found')
        os.makedirs(found, exist_ok=True)
        steps = ([*base, '-runs=0', corpus],
                 [*base, f'-max_total_time={self.opts.fuzz_seconds}', found, corpus])
        for cmd in steps:
            rc, out = run(cmd, env, self.opts.fuzz_seconds + 120)
            if rc != 0:
                return False, time.monotonic() - start, ' '.join(cmd) + '\n' + out, f'exit {rc}'
        return True, time.monotonic() - start, out, ''

    # -- all -------------------------------------------------------------------------------------

    def run(self):
        times = []
        leftovers = Leftovers()
        try:
            self.discover()
        except BuildError as err:
            self.report.add('build-gcc', 'configure', False, 0, str(err), 'meson setup fails')
        if self.opts.list:
            self.show()
            return 0 if not self.report.failed else self.report.finish()
        for group in self.select():
            name = group.name
            print(f'-- {name}', flush=True)
            start = time.monotonic()
            before = self.report.passed, len(self.report.failed)
            leftovers.start()
            try:
                group.work(name)
            finally:
                left = leftovers.end()
            if left:
                self.report.add(name, 'leftovers', False, 0, '\n'.join(left), 'the group left something behind')
            took = time.monotonic() - start
            budget = BUDGETS.get(name, BUDGET_OTHER)
            counts = self.report.passed - before[0], len(self.report.failed) - before[1]
            if sum(counts) == 0:
                print('  (no tests here)')
            times.append((name, took, budget, counts))
            print(f'   {name}: {took:.1f}s of {budget}s{"  OVER BUDGET" if took > budget else ""}',
                  flush=True)
        print('\ngroup times')
        for name, took, budget, (good, bad) in times:
            print(f'  {name:20} {took:7.1f}s  {good} passed, {bad} failed'
                  f'{"  over its budget of %ds" % budget if took > budget else ""}')
        print(f'  {"all":20} {sum(t[1] for t in times):7.1f}s')
        return self.report.finish()


def main(argv):
    signal.signal(signal.SIGTERM, signal.default_int_handler)   # what runs is stopped with us
    try:
        opts = Options(argv)
        if opts.help:
            print(__doc__.strip())
            return 0
        return Runner(opts).run()
    except Usage as err:
        print(f'test: {err}', file=sys.stderr)
        print('0 passed, 1 failed')
        return 2
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        print('\ninterrupted\n0 passed, 1 failed')
        return 130


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
