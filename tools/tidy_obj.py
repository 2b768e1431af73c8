"""What the object files of core say: storage that can change, and functions of the C library it calls.

The archives of build-gcc (or build) serve when ninja says that they are up to date; else each source
is compiled here, without linking.
"""
import os
import re
import subprocess
import tempfile
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor

ObjectFacts = namedtuple('ObjectFacts', 'source mutables undefined error')
SYMBOL = re.compile(r'^[0-9a-f]+ (.{7}) (\S+)\t[0-9a-f]+ (?:\.hidden |\.internal |\.protected )?(.+)$')
MUTABLE = re.compile(r'^(\.data|\.bss|\.tdata|\.tbss|\.ldata|\.lbss|\*COM\*)')
CONSTANT = re.compile(r'^\.data\.rel\.ro')


def facts_of(source, obj):
    """Read one object file."""
    out = subprocess.run(['objdump', '-t', obj], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if out.returncode != 0:
        return ObjectFacts(source, [], [], out.stdout.strip())
    mutables, undefined = [], []
    for line in out.stdout.splitlines():
        m = SYMBOL.match(line)
        if not m:
            continue
        flags, section, name = m.groups()
        if section == '*UND*':
            undefined.append(plain(name))
        elif 'd' not in flags and 'f' not in flags and not CONSTANT.match(section) and MUTABLE.match(section):
            mutables.append(re.sub(r'\.(\d+|llvm\.\d+|constprop\.\d+)$', '', name))
    return ObjectFacts(source, mutables, undefined, None)


def plain(name):
    """The function behind the names that glibc's headers put in its place."""
    name = name.split('@')[0]
    name = re.sub(r'^__(\w+)_chk$', r'\1', name)
    name = re.sub(r'^__isoc\d+_', '', name)
    return re.sub(r'^(open|openat|creat|fopen|lseek|mmap|pread|pwrite|stat|fstat)64$', r'\1', name)


def from_build(root, sources):
    """{source: object} of an up-to-date build that holds them all, or None."""
    for name in ('build-gcc', 'build'):
        build = os.path.join(root, name)
        if not os.path.exists(os.path.join(build, 'build.ninja')):
            continue
        idle = subprocess.run(['ninja', '-C', build, '-n'], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if idle.returncode != 0 or 'no work to do' not in idle.stdout:
            continue
        objects = {}
        for folder, _, files in os.walk(os.path.join(build, 'core')):
            m = re.search(r'lib[^/]*\.a\.p$', folder)
            if m:
                module = os.path.relpath(os.path.dirname(folder), build)
                for f in files:
                    if f.endswith('.o'):
                        objects[os.path.join(module, f[:-2])] = os.path.join(folder, f)
        if all(s in objects for s in sources):
            return {s: objects[s] for s in sources}
    return None


def compile_all(root, sources, cflags, tmp, pool):
    def one(item):
        idx, source = item
        obj = os.path.join(tmp, f'{idx}.o')
        cmd = ['gcc', '-std=gnu11', '-w', '-O0', '-fPIE', *cflags, '-c', source, '-o', obj]
        out = subprocess.run(cmd, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if out.returncode != 0:
            first = next((ln for ln in out.stdout.splitlines() if 'error' in ln), out.stdout.strip())
            return ObjectFacts(source, [], [], first)
        return facts_of(source, obj)
    return list(pool.map(one, enumerate(sources)))


def core_objects(root, sources, cflags, jobs):
    """Facts about each source file (paths relative to root)."""
    if not sources:
        return []
    with ThreadPoolExecutor(jobs) as pool:
        built = from_build(root, sources)
        if built:
            return list(pool.map(lambda s: facts_of(s, built[s]), sources))
        with tempfile.TemporaryDirectory() as tmp:
            return compile_all(root, sources, cflags, tmp, pool)
