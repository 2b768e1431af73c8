#!/usr/bin/env python3
"""Engines and ior as their users run them: a job, a killed engine, a restart, and what is left behind.

    engines.py PROVIDER ENGINE IOR MAP

Prints "FAILED what" for each thing that is not so; the exit code tells.
"""
import os
import random
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time

PROVIDER, ENGINE, IOR, MAP = sys.argv[1:5]
NODES, TARGETS, RANKS = 3, 2, 4
WAIT_S = 120            # for what takes a second or two on an idle machine
IOR_ARGS = ['-a', 'DFS', '-b', '2m', '-t', '256k', '-C', '-e', '-k', '-o', '/f', '--dfs.pool', 'pool',
            '--dfs.cont', 'c']
failed = []


def check(what, ok, text=''):
    if not ok:
        failed.append(what)
        print(f'FAILED {what}\n{text}', flush=True)


def free_ports():
    """A base with room for all nodes, 100 apart, below the ports that the system gives away."""
    while True:
        base, held = random.randrange(20000, 32000 - 100 * NODES), []
        try:
            for n in range(NODES):
                for t in range(TARGETS + 1):
                    held.append(socket.socket())
                    held[-1].bind(('127.0.0.1', base + 100 * n + t))
            return base
        except OSError:
            continue
        finally:
            for s in held:
                s.close()


def read_until(stream, pattern, who):
    """What a program says, until a line matches or it ends; None when it takes too long."""
    text, end = b'', time.monotonic() + WAIT_S
    while not re.search(pattern, text, re.M):
        left = end - time.monotonic()
        if left <= 0 or not select.select([stream], [], [], left)[0]:
            check(f'{who}: {pattern.decode()} in {WAIT_S} s', False, text.decode(errors='replace'))
            return None
        part = os.read(stream.fileno(), 65536)
        if not part:
            break
        text += part
    return text.decode(errors='replace')


class System:
    def __init__(self, where):
        self.where, self.engines = where, {}
        port = free_ports()
        if PROVIDER == 'shm':
            uris = [f'ofi+shm://gemel-e2e-{os.getpid()}-{n}' for n in range(NODES)]
        else:
            uris = [f'ofi+{PROVIDER}://127.0.0.1:{port + 100 * n}' for n in range(NODES)]
        self.file('system.yml', 'name: daos_server\nranks:\n' + ''.join(
            f'  - rank: {n}\n    uri: "{u}"\n    targets: {TARGETS}\n' for n, u in enumerate(uris)))
        for n in range(NODES):
            self.file(f'engine{n}.yml', f'name: daos_server\nsystem_file: system.yml\nprovider: ofi+{PROVIDER}\n'
                      f'engines:\n  - rank: {n}\n    targets: {TARGETS}\n    storage:\n      class: file\n'
                      f'      path: {where}/node{n}\n      bdev_size: 256MiB\n')
        self.env = dict(os.environ, GEMEL_SYSTEM=f'{where}/system.yml', CRT_TIMEOUT='15')
        self.env.pop('GEMEL_EMBEDDED', None)

    def file(self, name, text):
        with open(os.path.join(self.where, name), 'w', encoding='ascii') as f:
            f.write(text)

    def start(self, ranks, *flags):
        for n in ranks:
            self.engines[n] = subprocess.Popen([ENGINE, '--config', f'{self.where}/engine{n}.yml', *flags],
                                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for n in ranks:
            text = read_until(self.engines[n].stdout, rb'^rank %d ready' % n, f'engine {n}')
            check(f'engine {n} serves', text is not None and f'rank {n} ready' in text, text)

    def kill(self, n):
        self.engines[n].kill()
        self.engines.pop(n).communicate()

    def stop(self):
        """SIGTERM ends engines cleanly."""
        for e in self.engines.values():
            e.send_signal(signal.SIGTERM)
        for n, e in self.engines.items():
            try:
                out, _ = e.communicate(timeout=WAIT_S)
                check(f'engine {n} stops cleanly', e.returncode == 0, f'exit {e.returncode}\n{out}')
            except subprocess.TimeoutExpired:
                check(f'engine {n} stops', False)
                e.kill()
                e.communicate()
        self.engines = {}

    def run(self, *cmd):
        try:
            r = subprocess.run(cmd, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               timeout=WAIT_S, check=False)
            return r.returncode, r.stdout
        except subprocess.TimeoutExpired as e:
            return None, f'{e.stdout}\n{cmd} did not end in {WAIT_S} s'


def job(system):
    rc, out = system.run(IOR, '-N', str(RANKS), *IOR_ARGS, '-w', '-r', '--result', 'ofi')
    check('ior runs', rc == 0, out)
    check('ior verified all', f'verified_bytes={RANKS << 21} errors=0' in out, out)
    rc, out = system.run(MAP, 'pool')
    check('the map', rc == 0 and out.count(' UPIN\n') == NODES * TARGETS, out)


def killed_engine(system):
    """An engine is killed under a job that would go on for hours: an error, soon; the others live."""
    args = [a for a in IOR_ARGS if a not in ('-k', '/f')]
    args[args.index('-o'):args.index('-o') + 1] = ['-o', '/g']
    with subprocess.Popen([IOR, '-N', str(RANKS), *args, '-w', '-i', '1000000'], env=system.env,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True) as ior:
        text = read_until(ior.stdout, rb'^write .*\n', 'ior')
        check('ior writes', text is not None and '\nwrite ' in text, text)
        system.kill(NODES - 1)
        try:
            out = ior.communicate(timeout=WAIT_S)[0].decode(errors='replace')
        except subprocess.TimeoutExpired:
            os.killpg(ior.pid, signal.SIGKILL)
            out = ior.communicate()[0].decode(errors='replace')
            check(f'ior ends within {WAIT_S} s of the death of an engine', False, out)
            return
    check('ior fails', ior.returncode > 0, f'exit {ior.returncode}\n{out}')
    check('ior says why', re.search(r'^ior: .*(EHOSTUNREACH|ETIMEDOUT|DER_)', out, re.M) is not None, out)
    for n, e in system.engines.items():
        check(f'engine {n} lives on', e.poll() is None)
    rc, out = system.run(MAP, 'pool')
    check('the others serve', rc == 0, out)


def restart(system):
    """What was acknowledged is there again, on the killed engine too."""
    system.stop()
    system.start(range(NODES))
    rc, out = system.run(IOR, '-N', str(RANKS), *IOR_ARGS, '-r', '-R', '--result', 'ofi')
    check('data after a restart', rc == 0 and f'verified_bytes={RANKS << 21} errors=0' in out, out)


def shared_memory():
    """Names in /dev/shm that are ours by their shape and that no living process holds."""
    with open('/proc/net/unix', encoding='utf-8', errors='replace') as f:
        held = set(re.findall(r'@gemel-ofi-(\S+)$', f.read(), re.M))
    ours = re.compile(rf'gemel-([0-9a-f]{{16}}|e2e-{os.getpid()}-.*)')
    return {n for n in os.listdir('/dev/shm') if ours.fullmatch(n)} - held


def main():
    before = shared_memory()
    with tempfile.TemporaryDirectory(prefix='gemel-e2e.') as where:
        system = System(where)
        try:
            system.start(range(NODES), '--format', '--pool', 'pool')
            if not failed:
                job(system)
                killed_engine(system)
                restart(system)
        finally:
            system.stop()
    left = shared_memory() - before
    check('no shared memory is left', not left, ' '.join(left))
    return 1 if failed else 0


sys.exit(main())
