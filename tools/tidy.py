#!/usr/bin/env python3
"""Compare the tree with its rules (DESIGN.md section 1, STYLE.md): layers, the purity of core, headers.

    sh tools/tidy.sh [PATH ...]        only what concerns files under the paths; default: everything

Prints "tidy: FILE:LINE: message" for each breach and exits 1 if there is one; "tidy: warning: ..." does
not count. Exceptions, each with its reason, are in tools/tidy_allow.txt.
"""
import fnmatch
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from tidy_c import Source
from tidy_obj import core_objects

C_EXT = ('.c', '.h', '.cpp', '.hpp', '.cc', '.hh', '.inc', '.def')
HEADER_EXT = ('.h', '.hpp', '.hh')
HEADER_FOLDERS = ('core', 'transports', 'include', 'sim', 'workloads', 'lib', 'tools')
SKIP_DIRS = re.compile(r'^(\.git|build.*|__pycache__)$')
LAYERS = 'core/layers.txt'
ALLOW = 'tools/tidy_allow.txt'
# Only this folder may include these headers, and name these packages in its meson.build.
HOMES = [('rdma/*', 'libfabric', 'transports/ofi'),
         ('liburing.h', 'liburing', 'transports/uring'), ('liburing/*', 'liburing', 'transports/uring'),
         ('simgrid/*', 'simgrid', 'sim'), ('xbt/*', 'simgrid', 'sim'), ('smpi/*', 'simgrid', 'sim')]
CALL_HOMES = {'getenv': 'transports/host', 'secure_getenv': 'transports/host',
              'pthread_atfork': 'transports/host'}
FORBIDDEN = {
    'clock': '''time clock clock_gettime clock_getres gettimeofday timespec_get ftime localtime localtime_r
                gmtime gmtime_r mktime timegm strftime ctime asctime times getrusage''',
    'sleeping and timers': '''sleep usleep nanosleep clock_nanosleep alarm ualarm setitimer timer_create
                timer_settime timerfd_create timerfd_settime sched_yield''',
    'randomness': '''rand srand rand_r random srandom random_r drand48 lrand48 mrand48 srand48 erand48
                arc4random arc4random_uniform arc4random_buf getrandom getentropy uuid_generate
                uuid_generate_random uuid_generate_time''',
    'environment': 'getenv secure_getenv setenv unsetenv putenv clearenv',
    'files': '''open openat creat close read write pread pwrite readv writev preadv pwritev lseek fsync
                fdatasync sync ftruncate truncate fallocate posix_fallocate fopen fdopen freopen fclose fread
                fwrite fflush fgets fgetc getc getchar getline getdelim ungetc fseek ftell unlink unlinkat
                rename renameat mkdir rmdir opendir readdir closedir stat fstat lstat access ioctl fcntl flock
                mmap munmap mremap mprotect madvise msync mlock io_uring_setup io_submit tmpfile mkstemp
                syscall''',
    'sockets and waiting': '''socket socketpair bind listen accept accept4 connect send recv sendto recvfrom
                sendmsg recvmsg getsockopt setsockopt shutdown getaddrinfo gethostbyname poll ppoll select
                epoll_create epoll_create1 epoll_ctl epoll_wait eventfd pipe pipe2''',
    'printing': '''printf fprintf vprintf vfprintf dprintf vdprintf puts fputs putchar fputc putc perror
                syslog vsyslog''',
    'the heap': '''malloc calloc realloc reallocarray free cfree strdup strndup aligned_alloc posix_memalign
                memalign valloc pvalloc asprintf vasprintf open_memstream alloca''',
    'the process': '''abort exit _exit _Exit quick_exit atexit on_exit fork vfork execv execve execvp execl
                execlp system popen pclose kill raise signal sigaction sigprocmask waitpid wait getpid gettid
                getppid gethostname uname sysconf dlopen dlsym setjmp longjmp sigsetjmp siglongjmp''',
}
FORBIDDEN_NAME = {name: why for why, names in FORBIDDEN.items() for name in names.split()}
FORBIDDEN_PREFIX = {'pthread_': 'threads', 'thrd_': 'threads', 'mtx_': 'threads', 'cnd_': 'threads',
                    'tss_': 'threads'}
# Written so that these lines do not match themselves.
MACHINE = re.compile(r'(?<![\w.])/(?:work|farm|root)/[\w.]|(?<![\w.])/home/[a-z]\w*/'
                     r'|\bhttps?://(?:10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.)'
                     r'|\b(?:extra-)?index[-]url\b|\bregistry\s*=\s*\S|\bGOPROXY\s*=|\bartifactory[./]')
FUNCTION_LINES, FILE_LINES, COLUMNS = 100, 1000, 100


def under(path, folder):
    return path == folder or path.startswith(folder + '/')


class Allow:
    """tools/tidy_allow.txt."""

    def __init__(self, tidy):
        self.entries = []
        for no, line in enumerate(tidy.text(ALLOW).splitlines(), 1):
            words = line.split('#')[0].split(None, 3) if not line.startswith('#') else []
            if not words:
                continue
            if len(words) < 4 or words[0] not in ('include', 'call', 'mutable', 'alone'):
                tidy.breach(ALLOW, no, 'not "RULE PATH NAME  reason"')
                continue
            self.entries.append([no, *words[:3], False])

    def __call__(self, rule, path, name):
        hits = [e for e in self.entries
                if e[1] == rule and under(path, e[2]) and fnmatch.fnmatchcase(name, e[3])]
        for e in hits:
            e[4] = True
        return bool(hits)


class Layers:
    """core/layers.txt: who may include whom."""

    def __init__(self, tidy):
        self.rules, groups = {}, {}
        for no, line in enumerate(tidy.text(LAYERS).splitlines(), 1):
            line = line.split('#')[0].strip()
            m = re.match(r'(@\w+)\s*=(.*)$', line) or re.match(r'([\w/.-]+)\s*:(.*)$', line)
            if not line:
                continue
            if not m:
                tidy.breach(LAYERS, no, f'cannot read "{line}"')
                continue
            may = []
            for word in m.group(2).split():
                if word.startswith('@') and word not in groups:
                    tidy.breach(LAYERS, no, f'{word} is not defined above its use')
                may += groups.get(word, [] if word.startswith('@') else [word])
            target = groups if line.startswith('@') else self.rules
            if m.group(1) in target:
                tidy.breach(LAYERS, no, f'{m.group(1)} has two lines')
            target[m.group(1)] = may if target is groups else (no, may)
        for name, (no, may) in self.rules.items():
            for other in may:
                if other not in self.rules:
                    tidy.breach(LAYERS, no, f'{name} may include {other}, which has no line')
                elif other != name and name in self.rules[other][1]:
                    tidy.breach(LAYERS, no, f'{name} and {other} may include each other')

    def folder(self, path):
        """The folder with a rule that holds this file: the longest that fits."""
        best = None
        for name in self.rules:
            if path.startswith(name + '/') and (best is None or len(name) > len(best)):
                best = name
        return best


class Tidy:
    def __init__(self, root, paths):
        self.root, self.paths = root, [os.path.normpath(p) for p in paths]
        self.breaches, self.warnings = set(), set()
        self.jobs = max(1, len(os.sched_getaffinity(0)))
        self.all_files = self._list()
        self.known = set(self.all_files)
        self.files = [f for f in self.all_files if not paths or any(under(f, p) for p in self.paths)]
        self.sources = {f: Source(self.text(f)) for f in self.files if f.endswith(C_EXT)}
        self.allow, self.layers = Allow(self), Layers(self)
        self.cflags = ['-D_GNU_SOURCE', '-I.', '-Iinclude', *self._packages()]

    def _list(self):
        """Files of the tree: what git tracks or would add; without git, all."""
        if os.path.exists(os.path.join(self.root, '.git')):
            out = subprocess.run(['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'],
                                 cwd=self.root, stdout=subprocess.PIPE, check=True).stdout
            names = [n for n in out.decode().split('\0') if n]
        else:
            names = []
            for folder, dirs, files in os.walk(self.root):
                dirs[:] = [d for d in dirs if not SKIP_DIRS.match(d)]
                names += [os.path.relpath(os.path.join(folder, f), self.root) for f in files]
        return sorted({n for n in names if os.path.isfile(os.path.join(self.root, n))})

    def _packages(self):
        out = subprocess.run(['pkg-config', '--cflags-only-I', 'glib-2.0', 'json-c', 'fuse3', 'libcyaml'],
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        if out.returncode == 0:
            return out.stdout.split()
        flags = []
        for name in ('glib-2.0', 'json-c', 'fuse3', 'libcyaml'):
            one = subprocess.run(['pkg-config', '--cflags-only-I', name],
                                 stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            flags += one.stdout.split() if one.returncode == 0 else []
        return flags

    def text(self, path):
        try:
            with open(os.path.join(self.root, path), encoding='utf-8', errors='replace') as f:
                return f.read()
        except FileNotFoundError:
            return ''

    def breach(self, path, line, message):
        self.breaches.add((path, line, message))

    def warn(self, path, line, message):
        self.warnings.add((path, line, message))

    # -- layers ----------------------------------------------------------------------------------

    def resolve(self, path, include):
        """The file of the tree that an include means; None for a header of the system."""
        name = include[1:-1]
        places = [name, os.path.join('include', name)]
        if include.startswith('"'):
            places.insert(0, os.path.normpath(os.path.join(os.path.dirname(path), name)))
        for place in places:
            if os.path.normpath(place) in self.known:
                return os.path.normpath(place)
        top = name.split('/')[0]
        return name if include.startswith('"') and self.layers.folder(name) and \
            any(r.split('/')[0] == top for r in self.layers.rules) else None

    def check_layers(self):
        for path, src in self.sources.items():
            mine = self.layers.folder(path)
            if mine is None:
                self.breach(path, 1, f'no line of {LAYERS} covers this folder')
                continue
            for line, text in src.includes:
                self.check_include(path, mine, line, text)

    def check_include(self, path, mine, line, text):
        target = self.resolve(path, text)
        if target is None:
            if text.startswith('"') and not self.allow('include', path, text):
                self.breach(path, line, f'includes {text}, which is not in the tree')
            elif text.startswith('<'):
                self.check_system_include(path, line, text)
            return
        theirs = self.layers.folder(target)
        rule_line, may = self.layers.rules[mine]
        if theirs != mine and theirs not in may:
            self.breach(path, line, f'includes {text}, but {mine} may include only: {mine} '
                        f'{" ".join(dict.fromkeys(may))} ({LAYERS}:{rule_line})')
        elif target.endswith('_int.h') and not under(path, os.path.dirname(target)) and \
                not under(path, 'tests') and not self.allow('include', path, text):
            self.breach(path, line, f'includes {text}, which is private to {os.path.dirname(target)}')

    def check_system_include(self, path, line, text):
        for pattern, package, home in HOMES:
            if fnmatch.fnmatchcase(text[1:-1], pattern) and not under(path, home):
                if not self.allow('include', path, text):
                    self.breach(path, line, f'includes {text}, but only {home} may name {package}')
                return
        if under(path, 'core') and not self.allow('include', path, text):
            self.breach(path, line, f'includes {text}, but core reaches the world only through struct rt '
                        f'({ALLOW} lists the system headers core may include)')

    def check_packages(self):
        for path in self.files:
            if os.path.basename(path) != 'meson.build':
                continue
            for no, line in enumerate(self.text(path).splitlines(), 1):
                for package in re.findall(r"dependency\('([\w.+-]+)'", line.split('#')[0]):
                    home = next((h for _, p, h in HOMES if p == package), None)
                    header = next((f'<{pat}>' for pat, p, _ in HOMES if p == package), '')
                    if home and not under(path, home) and path != 'tests/meson.build' and \
                            not self.allow('include', os.path.dirname(path), header.replace('*', 'fabric.h')):
                        self.breach(path, no, f'links {package}, but only {home} may name it')

    # -- calls and storage -----------------------------------------------------------------------

    @staticmethod
    def forbidden(name):
        return FORBIDDEN_NAME.get(name) or \
            next((why for p, why in FORBIDDEN_PREFIX.items() if name.startswith(p)), None)

    def check_calls(self):
        for path, src in self.sources.items():
            core = under(path, 'core')
            for token in src.calls():
                if core and self.forbidden(token.text):
                    self.bad_call(path, token.line, token.text)
                elif not core:
                    home = CALL_HOMES.get(token.text)
                    if home and not under(path, home) and not self.allow('call', path, token.text):
                        self.breach(path, token.line, f'calls {token.text}, whose only home is {home}')

    def bad_call(self, path, line, name):
        if not self.allow('call', path, name):
            self.breach(path, line, f'calls {name} ({self.forbidden(name)}): '
                        f'core reaches the world only through struct rt')

    def check_mutables(self):
        for path, src in self.sources.items():
            if under(path, 'core'):
                for m in src.mutables:
                    self.bad_mutable(path, m.line, m.name)

    def bad_mutable(self, path, line, name):
        if not self.allow('mutable', path, name):
            self.breach(path, line, f'"{name}" is a static or global object that can change: '
                        f'core keeps its state in the stream')

    def check_objects(self):
        """What the compiler made of core: catches what macros and function pointers hide."""
        core = [f for f in self.files if under(f, 'core') and f.endswith('.c')]
        seen = {(p, m.split('"')[1]) for p, _, m in self.breaches if m.startswith('"')}
        called = {(p, m.split()[1]) for p, _, m in self.breaches if m.startswith('calls ')}
        for facts in core_objects(self.root, core, self.cflags, self.jobs):
            src = self.sources[facts.source]
            if facts.error:
                m = re.match(r'[^:]+:(\d+):', facts.error)
                self.breach(facts.source, int(m.group(1)) if m else 1, f'does not compile: {facts.error}')
            for name in facts.mutables:
                if (facts.source, name) not in seen:
                    self.bad_mutable(facts.source, src.line_of(name), name)
            for name in facts.undefined:
                if self.forbidden(name) and (facts.source, name) not in called:
                    self.bad_call(facts.source, src.line_of(name), name)

    # -- headers compile alone -------------------------------------------------------------------

    def check_headers(self):
        work = []
        for path in self.files:
            if path.endswith(HEADER_EXT) and path.split('/')[0] in HEADER_FOLDERS and \
                    not self.allow('alone', path, os.path.basename(path)):
                work += [(path, how) for how in self.languages(path)]
        with ThreadPoolExecutor(self.jobs) as pool:
            for path, error in pool.map(lambda w: self.compile_header(*w), work):
                if error:
                    m = re.match(r'(?:\./)?' + re.escape(path) + r':(\d+):', error)
                    self.breach(path, int(m.group(1)) if m else 1, f'does not compile alone: {error}')

    def languages(self, path):
        cplus = {'class', 'namespace', 'template', 'using'}
        if not path.endswith('.h') or any(t.text in cplus for t in self.sources[path].parsed):
            return ['c++']
        return ['c', 'c++'] if under(path, 'include') else ['c']

    def compile_header(self, path, how):
        public = under(path, 'include')
        name = path[len('include/'):] if public else path
        # A user of the public headers has no other path and no _GNU_SOURCE.
        flags = ['-Iinclude'] if public else self.cflags
        cmd = ['g++' if how == 'c++' else 'gcc', '-std=gnu++17' if how == 'c++' else '-std=gnu11',
               '-fsyntax-only', '-Wall', '-Werror', *flags, '-x', how, '-']
        out = subprocess.run(cmd, input=f'#include "{name}"\n', cwd=self.root, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if out.returncode == 0:
            return path, None
        lines = out.stdout.splitlines()
        return path, next((ln for ln in lines if re.search(r'\b(fatal )?error:', ln)), 'gcc failed')

    # -- sizes, machine paths --------------------------------------------------------------------

    def check_text(self):
        for path in self.files:
            try:
                with open(os.path.join(self.root, path), encoding='utf-8') as f:
                    lines = f.read().splitlines()
            except UnicodeDecodeError:
                continue                # not text: corpora, images
            if under(path, 'tests/fuzz/corpus'):
                continue
            for no, line in enumerate(lines, 1):
                m = MACHINE.search(line)
                if m:
                    self.breach(path, no, f'names a place of one machine: "{m.group()}"')
            if len(lines) > FILE_LINES and path.endswith(C_EXT + ('.py', '.sh')):
                self.warn(path, 1, f'{len(lines)} lines in one file')
            wide = [no for no, line in enumerate(lines, 1) if len(line.expandtabs(8)) > COLUMNS]
            if wide and path.endswith(C_EXT):
                self.warn(path, wide[0], f'{len(wide)} lines of over {COLUMNS} columns')
        for path, src in self.sources.items():
            for f in src.functions:
                if f.lines > FUNCTION_LINES:
                    self.warn(path, f.line, f'{f.name}() has {f.lines} lines')

    def check_allowances(self):
        if self.paths:
            return
        for no, rule, path, name, used in self.allow.entries:
            exists = any(under(f, path) and f.endswith(C_EXT) for f in self.known)
            if exists and not used and path != 'core':
                self.warn(ALLOW, no, f'nothing in {path} needs "{rule} {name}" any more')

    def run(self):
        start = time.monotonic()
        for check in (self.check_layers, self.check_packages, self.check_calls, self.check_mutables,
                      self.check_objects, self.check_headers, self.check_text, self.check_allowances):
            check()
        for path, line, message in sorted(self.warnings):
            print(f'tidy: warning: {path}:{line}: {message}')
        for path, line, message in sorted(self.breaches):
            print(f'tidy: {path}:{line}: {message}')
        print(f'tidy: {len(self.files)} files, {len(self.breaches)} breaches, {len(self.warnings)} warnings, '
              f'{time.monotonic() - start:.1f} s')
        return 1 if self.breaches else 0


def main(argv):
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    if argv and argv[0] in ('-h', '--help'):
        print(__doc__.strip())
        return 0
    for p in argv:
        if not os.path.exists(os.path.join(root, p)):
            print(f'tidy: {p}: no such file or folder in the tree', file=sys.stderr)
            return 2
    return Tidy(root, argv).run()


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
