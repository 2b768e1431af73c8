#!/usr/bin/env python3
"""Processes of a system as their users meet them: embedded directories, engines on loopback, clients.

    e2e.py TEST ENGINE MAP CLIENT      one test, with the programs to use; it exits 0 when it holds

Nothing here sleeps: it waits for lines that programs print and for their ends, each with a limit.
"""
import hashlib
import os
import random
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ENGINE = MAP = CLIENT = None
WAIT_S = 60


class Failed(Exception):
    pass


def check(cond, what):
    if not cond:
        raise Failed(what)


class Process:
    """A program whose lines are read as they come."""

    def __init__(self, args, env=None, stdin=None):
        full = dict(os.environ)
        for key in ('GEMEL_SYSTEM', 'GEMEL_EMBEDDED', 'GEMEL_POOL', 'CRT_TIMEOUT'):
            full.pop(key, None)
        full.update(env or {})
        self.args = args
        self.err = tempfile.TemporaryFile()
        self.p = subprocess.Popen(args, stdout=subprocess.PIPE, stderr=self.err, env=full, stdin=stdin)
        self.rest = b''
        self.lines = []

    def stderr(self):
        self.err.seek(0)
        return self.err.read().decode(errors='replace')

    def about(self):
        return '%s: exit %s\n%s\n%s' % (' '.join(self.args), self.p.poll(), '\n'.join(self.lines[-5:]),
                                       self.stderr())

    def line(self, limit=WAIT_S):
        """The next line, or None at the end."""
        end = time.monotonic() + limit
        while b'\n' not in self.rest:
            left = end - time.monotonic()
            ready = left > 0 and select.select([self.p.stdout], [], [], left)[0]
            if not ready:
                raise Failed('no line in %d s: %s' % (limit, self.about()))
            data = os.read(self.p.stdout.fileno(), 65536)
            if not data:
                return None
            self.rest += data
        text, self.rest = self.rest.split(b'\n', 1)
        self.lines.append(text.decode())
        return self.lines[-1]

    def expect(self, pattern, limit=WAIT_S):
        """Read lines until one matches."""
        while True:
            text = self.line(limit)
            check(text is not None, 'no line "%s": %s' % (pattern, self.about()))
            found = re.match(pattern, text)
            if found:
                return found

    def end(self, code=0, limit=WAIT_S):
        """Read to the end; the program must exit with @code."""
        while self.line(limit) is not None:
            pass
        try:
            self.p.wait(limit)
        except subprocess.TimeoutExpired:
            raise Failed('does not end: ' + self.about())
        check(code is None or self.p.returncode == code, 'exit %s, not %s: %s' %
              (self.p.returncode, code, self.about()))
        return '\n'.join(self.lines)

    def stop(self, sig=signal.SIGTERM):
        if self.p.poll() is None:
            self.p.send_signal(sig)


class Box:
    """A temporary directory, and processes that end with it."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix='gemel-e2e.')
        self.procs = []

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        for p in self.procs:
            p.stop(signal.SIGKILL)
            p.p.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text):
        with open(self.path(name), 'w') as f:
            f.write(text)
        return self.path(name)

    def start(self, args, env=None, stdin=None):
        p = Process(args, env, stdin)
        self.procs.append(p)
        return p

    def client(self, env, *args, stdin=None):
        return self.start([CLIENT] + [str(a) for a in args], env, stdin)

    def run(self, env, *args, code=0, limit=WAIT_S):
        return self.client(env, *args).end(code, limit)


def free_ports(nodes, streams):
    """The first of a stretch of ports that nobody has now, below the ephemeral ones."""
    for _ in range(200):
        base = random.randrange(20000, 32000 - 50 * nodes)
        held = []
        try:
            for n in range(nodes):
                for t in range(streams):
                    s = socket.socket()
                    held.append(s)
                    s.bind(('127.0.0.1', base + 50 * n + t))
            return base
        except OSError:
            continue
        finally:
            for s in held:
                s.close()
    raise Failed('no free ports')


class System:
    """Some engines on this machine, one process each."""

    def __init__(self, box, nodes=2, targets=2, provider='tcp;ofi_rxm', storage='file', extra=''):
        self.box, self.nodes, self.targets, self.provider = box, nodes, targets, provider
        self.engines = [None] * nodes
        self.base = free_ports(nodes, targets + 1)
        text = 'name: daos_server\nranks:\n'
        for n in range(nodes):
            text += '  - rank: %d\n    uri: "%s"\n    targets: %d\n' % (n, self.uri(n), targets)
        self.file = box.write('system.yml', text)
        for n in range(nodes):
            text = 'name: daos_server\nsystem_file: system.yml\nprovider: ofi+%s\nengines:\n' % provider
            text += '  - rank: %d\n    targets: %d\n' % (n, targets) + extra
            if storage == 'file':
                text += '    storage:\n      class: file\n      path: %s\n      bdev_size: 256MiB\n' % \
                    box.path('node%d' % n)
            else:
                text += '    storage:\n      class: ram\n'
            box.write('engine%d.yml' % n, text)
        self.env = {'GEMEL_SYSTEM': self.file, 'CRT_TIMEOUT': '20'}

    def uri(self, n):
        if self.provider == 'shm':
            return 'ofi+shm://gemel-e2e-%d-%d-%d' % (os.getpid(), self.base, n)
        return 'ofi+%s://127.0.0.1:%d' % (self.provider, self.base + 50 * n)

    def start_one(self, n, *flags):
        p = self.box.start([ENGINE, '--config', self.box.path('engine%d.yml' % n), '--pool', 'pool'] +
                           list(flags))
        self.engines[n] = p
        return p

    def start(self, *flags):
        for n in range(self.nodes):
            self.start_one(n, *flags)
        for n in range(self.nodes):
            self.engines[n].expect(r'rank %d ready' % n)

    def stop(self, ranks=None):
        """SIGTERM, and a clean end: exit 0, which with a sanitizer says that nothing leaked."""
        for n in ranks if ranks is not None else range(self.nodes):
            self.engines[n].stop()
        for n in ranks if ranks is not None else range(self.nodes):
            self.engines[n].end(0)
            err = self.engines[n].stderr()
            check('runtime error' not in err and 'Sanitizer' not in err, err)


def snapshot(path):
    """Names, sizes, times and content of a directory."""
    seen = {}
    for name in sorted(os.listdir(path)):
        full = os.path.join(path, name)
        st = os.stat(full)
        with open(full, 'rb') as f:
            digest = hashlib.sha1(f.read(4 << 20)).hexdigest()
        seen[name] = (st.st_size, st.st_mtime_ns, digest)
    return seen


# ---- embedded ----------------------------------------------------------------------------------

def embedded(box, name='emb'):
    return {'GEMEL_EMBEDDED': box.path(name)}


def test_embedded_lock(box):
    env = embedded(box)
    holder = box.client(env, 'hold', stdin=subprocess.PIPE)
    pid = int(holder.expect(r'holding (\d+)').group(1))
    before = snapshot(box.path('emb'))
    second = box.client(env, 'init')
    out = second.end(3)
    check('DER_BUSY' in out, out)
    check('pid %d' % pid in second.stderr() and '(e2e_client' in second.stderr(), second.stderr())
    check(snapshot(box.path('emb')) == before, 'the second process touched something')
    holder.p.stdin.close()
    holder.end()
    box.run(env, 'init')


def test_embedded_durable(box):
    env = embedded(box)
    box.run(env, 'put', 0, 40)
    box.run(env, 'get', 40)
    acked = 40
    for stop_after in (3, 60, 150):
        writer = box.client(env, 'put', acked, 0)
        for _ in range(stop_after):
            acked = int(writer.expect(r'acked (\d+)').group(1)) + 1
        writer.stop(signal.SIGKILL)
        while True:
            text = writer.line()
            if text is None:
                break
            acked = int(text.split()[1]) + 1
        writer.p.wait()
        box.run(env, 'get', acked)


def test_embedded_refuses(box):
    os.mkdir(box.path('home'))
    box.write('home/letter.txt', 'dear reader')
    before = snapshot(box.path('home'))
    p = box.client(embedded(box, 'home'), 'init')
    check('DER_INVAL' in p.end(3), p.about())
    check('letter.txt' in p.stderr(), p.stderr())
    check(snapshot(box.path('home')) == before, 'a foreign directory was touched')
    # Targets without the file that says what they belong to are not formatted over.
    env = embedded(box)
    box.run(env, 'put', 0, 5)
    os.rename(box.path('emb/sys'), box.path('sys.away'))
    p = box.client(env, 'init')
    check('DER_INVAL' in p.end(3) and 'sys' in p.stderr(), p.about())
    os.rename(box.path('sys.away'), box.path('emb/sys'))
    box.run(env, 'get', 5)
    # A parent that is not there, a file in its place, and no right to write.
    p = box.client(embedded(box, 'no/such/parent'), 'init')
    p.end(3)
    check('no/such/parent' in p.stderr(), p.stderr())
    p = box.client({'GEMEL_EMBEDDED': box.write('file', '')}, 'init')
    p.end(3)
    check(box.path('file') in p.stderr(), p.stderr())


def test_embedded_threads(box):
    env = embedded(box)
    box.run(env, 'threads', 7, 40)
    box.run(env, 'get', 280)
    box.run(env, 'eqs', 4, 100)
    box.run(env, 'fork-busy')
    box.run({'GEMEL_EMBEDDED': 'mem'}, 'threads', 7, 40)


# ---- engines -----------------------------------------------------------------------------------

def served(box, provider):
    """Format, write, stop, start again, read; and everything that must not happen in between."""
    system = System(box, provider=provider)
    system.start('--format')
    box.run(system.env, 'put', 0, 45)
    box.run(system.env, 'get', 45)
    box.run(system.env, 'threads', 7, 10)
    box.run(system.env, 'eqs', 3, 30)
    box.run(system.env, 'fork', 10)
    system.stop()
    again = system.start_one(0, '--format')
    again.end(1)
    check('--force' in again.stderr(), again.stderr())
    system.start()
    box.run(system.env, 'get', 45)
    other = box.start([ENGINE, '--config', box.path('engine0.yml')])
    other.end(1)
    check('engine' in other.stderr(), other.stderr())
    box.run(system.env, 'get', 45)
    system.stop()


def test_engines_tcp(box):
    served(box, 'tcp;ofi_rxm')


def test_engines_net(box):
    served(box, 'net')


def test_engines_shm(box):
    served(box, 'shm')


def test_engines_crash(box):
    """kill -9 of all engines in the middle of writes: what was acknowledged is there."""
    system = System(box)
    system.start('--format')
    acked = 0
    for _ in range(2):
        writer = box.client(dict(system.env, CRT_TIMEOUT='3'), 'put', acked, 0)
        for _ in range(80):
            acked = int(writer.expect(r'acked (\d+)').group(1)) + 1
        for e in system.engines:
            e.stop(signal.SIGKILL)
            e.p.wait()
        for text in writer.end(1).split('\n'):
            if text.startswith('acked'):
                acked = max(acked, int(text.split()[1]) + 1)
        system.start()
        box.run(system.env, 'get', acked)
    system.stop()


def kill_one(box, victim):
    system = System(box, nodes=4, targets=1)
    system.start('--format')
    env = dict(system.env, CRT_TIMEOUT='3')
    spread = box.run(env, 'spread', 32)
    check('spread 32 ok' in spread, spread)
    clients = [box.client(env, 'until-error') for _ in range(2)]
    for c in clients:
        c.expect('writing')
    system.engines[victim].stop(signal.SIGKILL)
    start = time.monotonic()
    for c in clients:
        found = c.expect(r'failed (DER_\w+)\S* after (\d+) ms', 30)
        check(found.group(1) in ('DER_UNREACH', 'DER_TIMEDOUT', 'DER_DATA_LOSS'), c.about())
        c.end(0, 60)
    check(time.monotonic() - start < 60, 'clients took too long to give up')
    rest = [n for n in range(4) if n != victim]
    return system, env, rest


def test_kill_engine(box):
    """One of four engines dies while clients work: errors in bounded time, the others serve on."""
    system, env, rest = kill_one(box, 3)
    out = box.run(dict(env, CRT_TIMEOUT='1'), 'spread', 32, limit=120)
    found = re.search(r'spread (\d+) ok, (\d+) (DER_\w+)', out)
    check(found and int(found.group(1)) > 0 and int(found.group(2)) > 0, out)
    for n in rest:
        check(system.engines[n].p.poll() is None, system.engines[n].about())
    # The map says that it is gone: now it is known at once, without waiting for anybody.
    m = box.start([MAP, 'pool', '--rank', '3', '--state', 'DOWN'], env)
    check('DOWN' in m.end(0), m.about())
    start = time.monotonic()
    out = box.run(env, 'spread', 32)
    check('DER_DATA_LOSS' in out, out)
    check(time.monotonic() - start < 3, 'lost shards should be known at once')
    # It comes back with what it had.
    system.start_one(3).expect('rank 3 ready')
    m = box.start([MAP, 'pool', '--rank', '3', '--state', 'UPIN'], env)
    m.end(0)
    out = box.run(env, 'spread', 32)
    check('spread 32 ok' in out, out)
    system.stop()


def test_kill_leader(box):
    """The engine with the pool service dies: clients end in bounded time, its restart heals."""
    system, env, rest = kill_one(box, 0)
    p = box.client(env, 'spread', 4)
    p.end(1, 60)
    check('DER_' in p.stderr(), p.about())
    for n in rest:
        check(system.engines[n].p.poll() is None, system.engines[n].about())
    system.start_one(0).expect('rank 0 ready')
    out = box.run(env, 'spread', 32)
    check('spread 32 ok' in out, out)
    system.stop()


def test_map(box):
    """A client in the middle of its work learns of a new map without being told."""
    system = System(box, nodes=2, targets=2)
    system.start('--format')
    watcher = box.client(system.env, 'watch', 8)
    watcher.expect('watching')
    shown = box.start([MAP, 'pool'], system.env).end(0)
    check(shown.count('UPIN') == 4 and 'version 1' in shown, shown)
    changed = box.start([MAP, 'pool', '-r', '1', '-t', '0', '-s', 'DOWN'], system.env).end(0)
    check(changed.count('UPIN') == 3 and 'version 2' in changed, changed)
    out = watcher.end(0)
    check('DER_DATA_LOSS' in out and not re.search(r'spread 0 ok', out), out)
    p = box.start([MAP, 'pool', '-r', '9', '-s', 'DOWN'], system.env)
    p.end(1)
    check('DER_NONEXIST' in p.stderr(), p.stderr())
    system.stop()
    # The map is durable.
    system.start()
    shown = box.start([MAP, 'pool'], system.env).end(0)
    check('version 2' in shown and shown.count('UPIN') == 3, shown)
    system.stop()


def test_config(box):
    """What is wrong in a file is named: file, line where there is one, and key."""
    good_sys = 'name: s\nranks:\n  - rank: 0\n    uri: "ofi+tcp;ofi_rxm://127.0.0.1:31416"\n    targets: 1\n'
    good = ('name: s\nsystem_file: system.yml\nprovider: ofi+tcp;ofi_rxm\nengines:\n  - rank: 0\n'
            '    targets: 1\n    storage:\n      class: ram\n')

    def ask(config, system=good_sys):
        box.write('system.yml', system)
        box.write('engine.yml', config)
        return box.start([ENGINE, '--config', box.path('engine.yml'), '--check'])

    ask(good).end(0)
    file_storage = good.replace('class: ram', 'class: file\n      path: /tmp/x\n      bdev_size: %s')
    cases = [
        # (config, system, words that the message must have)
        (good + 'colour: green\n', good_sys, ['engine.yml:9:', 'colour']),
        (good.replace('class: ram', 'class: floppy'), good_sys, ['engine.yml:8:', 'engines[0].storage.class', 'floppy']),
        (good.replace('targets: 1', 'targets: many'), good_sys, ['engine.yml:6:', 'engines[0].targets', 'many']),
        (good.replace('targets: 1', 'targets: -1'), good_sys, ['engine.yml', 'targets']),
        (good.replace('targets: 1', 'targets: 2'), good_sys, ['engine.yml', 'targets', '2', '1']),
        (file_storage % '16GX', good_sys, ['engine.yml', 'bdev_size', '16GX']),
        (file_storage % '1MiB', good_sys, ['engine.yml', 'bdev_size', '1MiB']),
        (file_storage.replace('      path: /tmp/x\n', '') % '1GiB', good_sys, ['engine.yml', 'path']),
        (good.replace('class: ram', 'class: kdev'), good_sys, ['engine.yml', 'bdev_list']),
        (good.replace('rank: 0', 'rank: 7'), good_sys, ['engine.yml', 'rank 7']),
        (good + good[good.index('  - rank'):], good_sys, ['engine.yml', 'rank 0', 'twice']),
        (good.replace('ofi+tcp;ofi_rxm', 'ofi+shm'), good_sys, ['engine.yml', 'provider', 'shm']),
        (good.replace('    storage', '    fabric_iface_port: 31417\n    storage'), good_sys,
         ['engine.yml', 'fabric_iface_port', '31417', '31416']),
        (good.replace('    storage', '    log_mask: LOUD\n    storage'), good_sys, ['log_mask', 'LOUD']),
        (good.replace('    storage', '    crt_timeout: 99999999\n    storage'), good_sys, ['crt_timeout']),
        (good.replace('name: s', 'name: other'), good_sys, ['engine.yml', 'name', 'other']),
        (good.replace('system.yml', 'nosuch.yml'), good_sys, ['nosuch.yml', 'No such file']),
        ('engines: [', good_sys, ['engine.yml']),
        ('', good_sys, ['engine.yml', 'empty']),
        (good.replace('provider', 'provider_'), good_sys, ['engine.yml:3:', 'provider_']),
        (good.replace('provider: ofi+tcp;ofi_rxm\n', ''), good_sys, ['engine.yml', 'provider']),
        (good, good_sys + '    colour: red\n', ['system.yml:6:', 'colour']),
        (good, good_sys.replace('tcp;ofi_rxm', ''), ['system.yml', 'uri']),
        (good, good_sys.replace(':31416', ''), ['system.yml', 'uri']),
        (good, good_sys.replace(':31416', ':99999'), ['system.yml', 'uri']),
        (good, good_sys.replace('31416', '65535'), ['system.yml', 'uri', '65535']),
        (good, good_sys.replace('targets: 1', 'targets: 0'), ['system.yml', 'targets']),
        (good, good_sys + good_sys[good_sys.index('  - rank'):], ['system.yml', 'rank 0', 'twice']),
        (good, good_sys + good_sys[good_sys.index('  - rank'):].replace('rank: 0', 'rank: 1').replace(
            '31416', '31417'), ['system.yml', 'rank 0', 'rank 1', '31417']),
        (good, 'name: s\nranks: []\n', ['system.yml', 'ranks']),
    ]
    for i, (config, system, words) in enumerate(cases):
        p = ask(config, system)
        p.end(2)
        for w in words:
            check(w in p.stderr(), 'case %d: "%s" is not in: %s' % (i, w, p.stderr()))
        check(p.stderr().count('\n') == 1, 'case %d: more than a line: %s' % (i, p.stderr()))
    # Clients say the same of the system file.
    for env in ({'GEMEL_SYSTEM': box.path('nosuch.yml')}, {'GEMEL_SYSTEM': box.write('bad.yml', 'name: [')}):
        p = box.client(env, 'init')
        p.end(3)
        check('.yml' in p.stderr(), p.stderr())
    # An engine that cannot have its port says which.
    box.write('system.yml', good_sys)
    box.write('engine.yml', good)
    port = free_ports(1, 2)
    with socket.socket() as held:
        held.bind(('127.0.0.1', port))
        held.listen()
        ask(good, good_sys.replace('31416', str(port))).end(0)
        p = box.start([ENGINE, '--config', box.path('engine.yml')])
        p.end(1)
        check(str(port) in p.stderr(), p.stderr())


TESTS = {name[5:]: fn for name, fn in list(globals().items()) if name.startswith('test_')}


def main():
    global ENGINE, MAP, CLIENT
    if len(sys.argv) != 5 or sys.argv[1] not in TESTS:
        sys.exit('usage: e2e.py {%s} ENGINE MAP CLIENT' % '|'.join(sorted(TESTS)))
    ENGINE, MAP, CLIENT = sys.argv[2:]
    try:
        with Box() as box:
            TESTS[sys.argv[1]](box)
    except Failed as e:
        print('FAILED %s: %s' % (sys.argv[1], e))
        return 1
    print('%s holds' % sys.argv[1])
    return 0


if __name__ == '__main__':
    sys.exit(main())
