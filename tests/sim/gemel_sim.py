#!/usr/bin/env python3
"""gemel_sim as its users meet it: results, digests, wrong command lines and files, faults.

    gemel_sim.py GEMEL_SIM SOURCE_DIR [DIGEST_DIR]

Digests of the whole stack must not depend on the compiler: the first build that runs this over some
state of the sources leaves its digests in DIGEST_DIR, the others compare with them.
"""
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile

SIM, SOURCE = sys.argv[1], sys.argv[2]
DIGESTS = sys.argv[3] if len(sys.argv) > 3 else None
LAPTOP = os.path.join(SOURCE, 'hw_profiles', 'laptop.yaml')
IOR = ['ior', '-a', 'DFS', '-b', '2m', '-t', '256k', '-w', '-r', '-C', '-e', '--dfs.pool', 'pool',
       '--dfs.cont', 'c', '--result', 'sim']
failed = []


def check(what, ok, text=''):
    if not ok:
        failed.append(what)
        print(f'FAILED {what}\n{text}')


def sim(*args, workload=None, profile=LAPTOP, timeout=120):
    cmd = [SIM, '--profile', profile, *args] if profile else [SIM, *args]
    if workload is not None:
        cmd += ['--', *workload]
    try:
        r = subprocess.run(cmd, capture_output=True, text=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired as e:
        return -1, str(e.stdout), f'timeout: {cmd}'
    return r.returncode, r.stdout, r.stderr


def run_json(*args, workload=None):
    rc, out, err = sim('--json', *args, workload=workload or IOR)
    try:
        return rc, json.loads(out), err
    except ValueError:
        return rc, {}, out + err


def results():
    rc, out, err = sim('--ranks', '8', workload=IOR)
    check('ior ends well', rc == 0, out + err)
    m = re.search(r'^result world=sim write_mib_s=([\d.]+) read_mib_s=([\d.]+) '
                  r'verified_bytes=(\d+) errors=0$', out, re.M)
    check('a result line', m is not None, out)
    if m:
        check('all bytes verified', int(m[3]) == 8 * 2 * 2**20, out)
        # One client interface of 3.5 GB/s is the limit of this profile.
        check('rates are those of the profile',
              100 < float(m[1]) < 3400 and 100 < float(m[2]) < 3400, out)
    check('seed and commit first', out.startswith('sim seed=1 commit='), out)
    check('virtual time and digest', re.search(r'^sim virtual_s=0\.\d+ digest=[0-9a-f]{16} ', out,
                                               re.M) is not None, out)


def digests():
    rc, a, err = run_json('--ranks', '8', '--seed', '5')
    check('json', rc == 0 and a.get('exit') == 0 and a.get('ranks') == 8, str(a) + err)
    check('no noise', err == '', err)
    check('output inside', 'Max Write' in a.get('output', ''), str(a))
    _, b, _ = run_json('--ranks', '8', '--seed', '5')
    check('same seed, same digest', a.get('digest') == b.get('digest'), f'{a}\n{b}')
    check('same seed, same time', a.get('virtual_s') == b.get('virtual_s'), f'{a}\n{b}')
    _, c, _ = run_json('--ranks', '8', '--seed', '6')
    check('other seed, other digest', a.get('digest') != c.get('digest'), f'{a}\n{c}')


def source_hash():
    """Of everything that the program and this test are made of."""
    h = hashlib.sha256()
    for top in ('core', 'sim', 'workloads', 'tools/gemel_sim', 'lib', 'include', 'hw_profiles', 'tests/sim'):
        for folder, dirs, files in os.walk(os.path.join(SOURCE, top)):
            dirs.sort()
            for name in sorted(files):
                if not name.endswith('.pyc'):
                    with open(os.path.join(folder, name), 'rb') as f:
                        h.update(name.encode() + b'\0' + f.read())
    return h.hexdigest()[:24]


def other_builds():
    lines = []
    for profile in ('laptop', 'small-cluster'):
        for mode in ('--bytes', '--phantom'):
            rc, out, err = sim('--json', '--ranks', '12', '--seed', '3', mode, workload=IOR,
                               profile=os.path.join(SOURCE, 'hw_profiles', profile + '.yaml'))
            try:
                lines.append(f'{profile} {mode} {json.loads(out)["digest"]}')
            except ValueError:
                check(f'{profile} {mode}', False, f'rc {rc}\n{out}{err}')
    mine = '\n'.join(lines) + '\n'
    if DIGESTS is None:
        return
    os.makedirs(DIGESTS, exist_ok=True)
    path = os.path.join(DIGESTS, 'digests-' + source_hash())
    try:
        with open(path, 'x', encoding='utf-8') as f:
            f.write(mine)
    except FileExistsError:
        with open(path, encoding='utf-8') as f:
            theirs = f.read()
        check('digests do not depend on the build', mine == theirs, f'mine\n{mine}theirs\n{theirs}')


def wrong():
    good = ['-r', '1']
    cases = [
        ((), None, None, '--profile FILE is missing'),
        (('--ranks', '0'), IOR, LAPTOP, '--ranks 0: a whole number from 1'),
        (('--ranks', '4x'), IOR, LAPTOP, '--ranks 4x: a whole number'),
        (('--seed', '-1'), IOR, LAPTOP, '--seed -1: a whole number'),
        (('--nope',), IOR, LAPTOP, '--help'),
        (('ior',), None, LAPTOP, '"ior" is no option'),
        ((), None, LAPTOP, 'no workload'),
        (good, ['mdtest'], LAPTOP, 'no workload "mdtest"'),
        (good, ['ior', '-b', 'lots'], LAPTOP, 'ior: '),
        (good, ['ior', '-a', 'POSIX'], LAPTOP, 'POSIX'),
        ((), IOR, '/nonexistent.yaml', '/nonexistent.yaml: No such file'),
    ]
    for args, workload, profile, want in cases:
        rc, out, err = sim(*args, workload=workload, profile=profile)
        check(f'{args} {workload} explains itself', rc not in (0, -1) and rc < 128 and want in err,
              f'rc {rc}\n{out}{err}')
    rc, out, err = sim('--help', profile=None)
    check('help', rc == 0 and '--scenario FILE' in out and err == '', out + err)


def with_file(text, *args, workload=IOR):
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, 's.yaml')
        with open(path, 'w', encoding='utf-8') as f:
            f.write(text)
        rc, out, err = sim('--scenario', path, *args, workload=workload)
        return rc, out, err.replace(d + '/', '')


def scenarios():
    bad = [
        ('name: x\nfaults:\n- { kind: crash, node: 9, at: 1 ms }\n',
         's.yaml:2: faults[0]: there is no node 9'),
        ('name: x\nfaults:\n- { kind: crash, node: 1 }\n', 's.yaml:3: faults[0].at: missing'),
        ('name: x\nfaults:\n- { kind: crash, node: 1, at: 1 }\n',
         's.yaml:3: faults[0].at: "1" is not a time'),
        ('name: x\nfaults:\n- { kind: crash, node: 1, at: 1 ms, share: 0.5 }\n',
         's.yaml:3: faults[0].share: this kind has none'),
        ('name: x\nfaults:\n- { kind: flood }\n', 's.yaml:3: faults[0].kind: '),
        ('name: x\nfaults:\n- { kind: loss, from: 0 s, to: 1 s, share: 2 }\n',
         's.yaml:3: faults[0].share: "2" is not between 0 and 1'),
        ('name: x\nspeed: 3\n', 's.yaml:2: speed: unknown key'),
        ('faults: []\n', 's.yaml:1: name: missing'),
    ]
    for text, want in bad:
        rc, out, err = with_file(text)
        check(f'{want!r}', rc == 2 and want in err, f'rc {rc}\n{out}{err}')
    rc, out, err = with_file(
        'name: lossy\nseed: 9\nranks: 4\nworkload: "' + ' '.join(IOR) + '"\nfaults:\n'
        '- { kind: loss, from: 0 s, to: 20 ms, share: 0.02 }\n'
        '- { kind: delay, from: 0 s, to: 1 s, share: 0.1, min: 1 us, max: 500 us }\n'
        '- { kind: disk_slow, from: 0 s, to: 1 s, node: 1, share: 0.5, factor: 8 }\n',
        workload=None)
    check('loss and delay are survived', rc == 0 and 'errors=0' in out and 'seed=9' in out and
          'ranks=4' in out, f'rc {rc}\n{out}{err}')


def modes():
    """Bytes and phantoms: the same events, the same times, the same verdicts."""
    rot = ('name: rot\nfaults:\n'
           '- { kind: corrupt, from: 0 s, to: 1 s, share: 0.05 }\n'
           '- { kind: delay, from: 0 s, to: 1 s, share: 0.1, min: 1 us, max: 500 us }\n')
    for what, text in (('clean', 'name: clean\n'), ('corrupt', rot)):
        seen = {}
        for mode in ('bytes', 'phantom'):
            rc, out, err = with_file(text, '--json', '--' + mode, '--ranks', '8')
            try:
                seen[mode] = json.loads(out)
            except ValueError:
                check(f'{what} {mode}', False, out + err)
                return
            errors = re.search(r'verified_bytes=(\d+) errors=(\d+)', seen[mode]['output'])
            check(f'{what} {mode}: verdict',
                  errors is not None and (rc == 0) == (what == 'clean') and
                  (int(errors[2]) > 0) == (what == 'corrupt'), f'rc {rc}\n{out}{err}')
        for key in ('digest', 'virtual_s', 'output', 'events', 'bulk_bytes', 'io_bytes'):
            check(f'{what}: {key} does not depend on the mode',
                  seen['bytes'][key] == seen['phantom'][key],
                  f"{seen['bytes'][key]}\n{seen['phantom'][key]}")


def crashes():
    """A storage node dies for good: an error in bounded time. It comes back: the job goes on."""
    rc, out, err = with_file('name: dead\nfaults:\n- { kind: crash, node: 2, at: 2 ms }\n',
                             '--ranks', '4')
    check('a dead node is an error', rc == 1 and 'EHOSTUNREACH' in err, f'rc {rc}\n{out}{err}')
    m = re.search(r'virtual_s=([\d.]+)', out)
    check('in bounded time', m is not None and float(m[1]) < 300, out + err)
    rc, out, err = with_file(
        'name: back\nfaults:\n- { kind: crash, node: 2, at: 2 ms, down: 3 ms }\n', '--ranks', '4')
    check('a node that comes back is waited for', rc == 0 and 'errors=0' in out,
          f'rc {rc}\n{out}{err}')
    rc, out, err = with_file('name: client\nfaults:\n- { kind: crash, node: 4, at: 2 ms }\n',
                             '--ranks', '4', '--clients', '2')
    check('a client node dies: the other ranks end', rc not in (0, -1) and rc < 128,
          f'rc {rc}\n{out}{err}')


def interrupt():
    """Ctrl-C ends the job in order, with the digest of what happened."""
    cmd = [SIM, '--profile', LAPTOP, '--ranks', '8', '--phantom', '--', 'ior', '-a', 'DFS', '-b', '100g',
           '-t', '1m', '-w', '--dfs.pool', 'pool', '--dfs.cont', 'c']
    with subprocess.Popen(cmd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as p:
        line = p.stdout.readline()      # it has begun
        p.send_signal(signal.SIGINT)
        try:
            out, err = p.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            p.kill()
            out, err = p.communicate()
        check('Ctrl-C', p.returncode == 130 and ' digest=' in out and 'simgrid' not in err.lower(),
              f'rc {p.returncode}\n{line}{out}{err}')


for part in (results, digests, other_builds, wrong, scenarios, modes, crashes, interrupt):
    part()
print(f'{len(failed)} failed')
sys.exit(1 if failed else 0)
