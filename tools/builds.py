#!/usr/bin/env python3
"""The build directories that the tool scripts share, one per kind of build.

    python3 tools/builds.py KIND [TARGET ...]

configures build-KIND when needed, builds the targets (default: everything, also what meson leaves
out of "all"), and prints the directory. A directory is reused as long as it was configured with the
same arguments; else it is made anew. test.sh, bench.sh, tidy.sh and demo.sh come here.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import threading

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
GCC = {'CC': 'gcc', 'CXX': 'g++'}
CLANG = {'CC': 'clang', 'CXX': 'clang++'}
# Without this a missing library would quietly leave tests out; so it stops the configuration.
ALL = ['-Dauto_features=enabled']
# clang links its sanitizers into programs only, so shared libraries keep undefined symbols.
SAN = ['-Db_sanitize=address,undefined', '-Db_lundef=false']
RECOVER = '-fno-sanitize-recover=undefined'


def lang_args(*flags):
    return [f'-D{lang}_args={" ".join(flags)}' for lang in ('c', 'cpp')]


KINDS = {
    'gcc': (GCC, ALL + ['--buildtype=debugoptimized', '--werror']),
    'clang': (CLANG, ALL + ['--buildtype=debugoptimized', '--werror']),
    'debug': (GCC, ALL + ['--buildtype=debug']),    # -O0: digests must not depend on the optimiser
    'san': (CLANG, ALL + SAN + ['--buildtype=debugoptimized'] + lang_args(RECOVER)),
    'release': (GCC, ALL + ['--buildtype=release', '-Db_lto=true']),
    'fuzz': (CLANG, ALL + SAN + ['--buildtype=debugoptimized', '-Dfuzz=true'] +
             lang_args(RECOVER)),
}


class BuildError(Exception):
    """Configuring or building failed; the text is the output of the tool that failed."""


def jobs_default():
    return max(1, len(os.sched_getaffinity(0)))


def run(cmd, env=None, timeout_s=1800):
    """Run to the end or the time limit; returns (exit code, stdout and stderr together)."""
    full = dict(os.environ, LC_ALL='C.UTF-8', **(env or {}))
    with subprocess.Popen(cmd, cwd=ROOT, env=full, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors='replace', start_new_session=True) as proc:
        try:
            return collect(proc, timeout_s)
        except BaseException:
            stop(proc)
            raise


def collect(proc, timeout_s):
    try:
        out, _ = proc.communicate(timeout=timeout_s)
        return proc.returncode, out
    except subprocess.TimeoutExpired:
        stop(proc)
        out, _ = proc.communicate()
        return 124, f'{out}\nstopped: took over {timeout_s} s\n'


def stop(proc):
    """Kill what run() started, with all that it started."""
    try:
        os.killpg(proc.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


class Build:
    def __init__(self, kind, root=ROOT):
        self.kind = kind
        self.root = root
        self.dir = os.path.join(root, 'build-' + kind)
        self.lock = threading.Lock()
        self.cache = {}

    def folders(self):
        """Every meson.build of the tree: the top one asks which exist, and ninja cannot see new ones."""
        found = []
        for folder, dirs, files in os.walk(self.root):
            dirs[:] = [d for d in dirs if d != '.git' and not d.startswith('build')]
            if 'meson.build' in files:
                found.append(os.path.relpath(folder, self.root))
        return sorted(found)

    def configure(self):
        """Make the directory anew for other arguments, ask meson again for other folders, else nothing."""
        env, args = KINDS[self.kind]
        stamp = os.path.join(self.dir, 'gemel-configured.json')
        want = {'env': env, 'args': args, 'root': self.root, 'folders': self.folders()}
        try:
            with open(stamp, encoding='utf-8') as f:
                have = json.load(f)
        except (OSError, ValueError):
            have = {}
        again = []
        if os.path.exists(os.path.join(self.dir, 'build.ninja')):
            if have == want:
                return
            if dict(have, folders=want['folders']) == want:
                again = ['--reconfigure']
        if not again:
            shutil.rmtree(self.dir, ignore_errors=True)
        rc, out = run(['meson', 'setup', *again, *args, self.dir, self.root], env)
        if rc != 0:
            raise BuildError(f'meson setup build-{self.kind} failed:\n{out}')
        with open(stamp, 'w', encoding='utf-8') as f:
            json.dump(want, f)

    def refresh(self):
        """Configure, and let ninja re-run meson if a meson.build changed."""
        self.configure()
        rc, out = run(['ninja', '-C', self.dir, 'build.ninja'])
        if rc != 0:
            raise BuildError(f'configuring build-{self.kind} again failed:\n{out}')
        self.cache.clear()

    def introspect(self, what):
        with self.lock:
            if what not in self.cache:
                rc, out = run(['meson', 'introspect', '--' + what, self.dir])
                if rc != 0:
                    raise BuildError(out)
                self.cache[what] = json.loads(out)
            return self.cache[what]

    def files(self, want):
        """Files, relative to the build directory, of the targets that want(target) accepts."""
        return [os.path.relpath(f, self.dir) for t in self.introspect('targets') if want(t)
                for f in t['filename'] if t['type'] != 'run']

    def ninja(self, targets, jobs=None):
        """Build files; goes on after an error so that one run shows them all."""
        cmd = ['ninja', '-C', self.dir, '-j', str(jobs or jobs_default()), '-k', '0', *targets]
        rc, out = run(cmd)
        if rc != 0:
            lines = [ln for ln in out.splitlines() if not ln.startswith('[')]
            raise BuildError(f'ninja in build-{self.kind} failed:\n' + '\n'.join(lines))

    def everything(self):
        return ['all'] + self.files(lambda t: not t['build_by_default'])


def main(argv):
    if not argv or argv[0] not in KINDS:
        print(__doc__.strip(), '\nkinds:', ' '.join(KINDS), file=sys.stderr)
        return 2
    build = Build(argv[0])
    try:
        build.refresh()
        build.ninja(argv[1:] or build.everything())
    except BuildError as err:
        print(err, file=sys.stderr)
        return 1
    print(os.path.relpath(build.dir, os.getcwd()))
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
