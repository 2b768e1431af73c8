"""Run a program against a system of its own.

usage: run.py embedded PROGRAM [ARG...]
       run.py engines ENGINE_PROGRAM COUNT TARGETS PROGRAM [ARG...]

embedded: GEMEL_EMBEDDED is a new directory. engines: COUNT gemel_engine processes over tcp on loopback
with files in a new directory, GEMEL_SYSTEM names their system file. The exit code is the program's;
an engine that fails, or does not stop cleanly, is a failure too.
"""
import os
import random
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

START_S = 60
RUN_S = 240


def free_ports(nodes, targets):
    """A base port with room for all nodes, 100 apart."""
    for _ in range(200):
        base = random.randrange(20000, 32000 - 100 * nodes)
        held = []
        try:
            for n in range(nodes):
                for t in range(targets + 1):
                    s = socket.socket()
                    held.append(s)
                    s.bind(("127.0.0.1", base + 100 * n + t))
            return base
        except OSError:
            continue
        finally:
            for s in held:
                s.close()
    sys.exit("run.py: no free ports on 127.0.0.1")


def write_configs(where, base, nodes, targets):
    uri = "ofi+tcp;ofi_rxm://127.0.0.1:"
    with open(f"{where}/system.yml", "w", encoding="ascii") as f:
        f.write("name: daos_server\nranks:\n")
        for n in range(nodes):
            f.write(f'  - rank: {n}\n    uri: "{uri}{base + 100 * n}"\n    targets: {targets}\n')
    for n in range(nodes):
        with open(f"{where}/engine{n}.yml", "w", encoding="ascii") as f:
            f.write("name: daos_server\nsystem_file: system.yml\nprovider: ofi+tcp;ofi_rxm\n"
                    f"engines:\n  - rank: {n}\n    targets: {targets}\n"
                    f"    fabric_iface_port: {base + 100 * n}\n    storage:\n"
                    f"      class: file\n      path: {where}/node{n}\n      bdev_size: 256MiB\n")


def wait_ready(engine, rank):
    """Read the engine's output until it says that it serves."""
    end = time.monotonic() + START_S
    text = b""
    while f"rank {rank} ready".encode() not in text:
        left = end - time.monotonic()
        if left <= 0 or not select.select([engine.stdout], [], [], left)[0]:
            sys.exit(f"run.py: engine {rank} was not ready in {START_S} s")
        part = os.read(engine.stdout.fileno(), 4096)
        if not part:
            sys.exit(f"run.py: engine {rank} ended: {text.decode(errors='replace')}")
        text += part


def run(argv, env):
    try:
        return subprocess.run(argv, env={**os.environ, **env}, timeout=RUN_S, check=False).returncode
    except subprocess.TimeoutExpired:
        print(f"run.py: {argv[0]} did not end in {RUN_S} s", file=sys.stderr)
        return 124


def stop(engines):
    bad = 0
    for e in engines:
        e.send_signal(signal.SIGTERM)
    for n, e in enumerate(engines):
        try:
            rc = e.wait(timeout=30)
        except subprocess.TimeoutExpired:
            e.kill()
            rc = e.wait()
        if rc != 0:
            print(f"run.py: engine {n} ended with {rc}", file=sys.stderr)
            bad = 1
    return bad


def main():
    where = tempfile.mkdtemp(prefix="gemel-api.")
    engines = []
    try:
        if sys.argv[1] == "embedded":
            return run(sys.argv[2:], {"GEMEL_EMBEDDED": f"{where}/system"})
        program, nodes, targets = sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
        write_configs(where, free_ports(nodes, targets), nodes, targets)
        for n in range(nodes):
            engines.append(subprocess.Popen(
                [program, "--config", f"{where}/engine{n}.yml", "--pool", "pool", "--format"],
                stdout=subprocess.PIPE))
        for n, e in enumerate(engines):
            wait_ready(e, n)
        rc = run(sys.argv[5:], {"GEMEL_SYSTEM": f"{where}/system.yml", "GEMEL_EMBEDDED": ""})
        bad = stop(engines)
        engines = []
        return rc or bad
    finally:
        for e in engines:
            e.kill()
            e.wait()
        shutil.rmtree(where, ignore_errors=True)


sys.exit(main())
