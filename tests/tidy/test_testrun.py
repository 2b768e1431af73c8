#!/usr/bin/env python3
"""Test of tools/testrun.py on a small tree of its own. Prints "ok NAME" or "FAIL NAME why"."""
import glob
import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MESON = '''project('toy', 'c', meson_version: '>=1.0')
exe = executable('toy', 'toy.c')
test('fine', exe, suite: 'plain')
test('wrong', exe, args: ['wrong'], suite: 'bad')
test('skips', exe, args: ['skips'], suite: 'bad')
test('cmocka_skips', exe, args: ['cmocka_skips'], suite: 'bad')
test('hangs', exe, args: ['hangs'], suite: 'bad', timeout: 1)
test('args', exe, args: ['args'], suite: ['plain'])
test('litters', exe, args: ['litters'], suite: 'litter')
test('everywhere', exe, suite: ['kinds', 'gcc', 'debug'])
test('later', exe, suite: ['soak', 'slow'])
if import('fs').exists('more/meson.build')
  subdir('more')
endif
'''
TOY = r'''
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (strcmp(what, "wrong") == 0) {
		for (int i = 0; i < 100; i++)
			printf("line %d\n", i);
		return 1;
	}
	if (strcmp(what, "cmocka_skips") == 0)
		printf("[  SKIPPED ] something\n");
	if (strcmp(what, "litters") == 0) {
		char path[4096];

		snprintf(path, sizeof(path), "%s/litter", getenv("TMPDIR"));
		fclose(fopen(path, "w"));
		if (fork() == 0) {
			setsid();
			for (int i = 0; i < 3; i++)
				close(i);
			pause();
		}
	}
	if (strcmp(what, "hangs") == 0)
		pause();
	if (strcmp(what, "args") == 0)
		return strcmp(getenv("GEMEL_TEST_ARGS"), "--ops 5 --seed 7") != 0;
	return strcmp(what, "skips") == 0 ? 77 : 0;
}
'''
failed = 0


def verdict(name, good, why=''):
    global failed
    failed += not good
    print(f'ok {name}' if good else f'FAIL {name} {why}')


class Tree:
    def __init__(self, root):
        self.root = root
        os.mkdir(os.path.join(root, 'tools'))
        for f in glob.glob(os.path.join(ROOT, 'tools/*.py')):
            shutil.copy(f, os.path.join(root, 'tools'))
        self.write('meson.build', MESON)
        self.write('toy.c', TOY)

    def write(self, name, text):
        with open(os.path.join(self.root, name), 'w', encoding='utf-8') as f:
            f.write(text)

    def expect(self, name, args, rc, last, *texts):
        """One run: its exit code, its last line, and texts that must be in the output ("!x": must not)."""
        out = subprocess.run([sys.executable, os.path.join(self.root, 'tools/testrun.py'), *args], text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        lines = out.stdout.splitlines()
        why = []
        if out.returncode != rc:
            why.append(f'exit {out.returncode}')
        if not lines or lines[-1] != last:
            why.append(f'ends with "{lines[-1] if lines else ""}"')
        why += [f'about "{t}"' for t in texts if (t.lstrip('!') in out.stdout) == t.startswith('!')]
        verdict('testrun-' + name, not why, '; '.join(why))
        if why:
            print('    ' + out.stdout.replace('\n', '\n    '))


def main():
    with tempfile.TemporaryDirectory() as root:
        tree = Tree(root)
        tree.expect('suite', ['--suite', 'plain', '--ops', '5', '--seed=7'], 0, '2 passed, 0 failed',
                    'ok    fine', 'ok    args')
        tree.expect('one-test', ['--suite', 'fine'], 0, '1 passed, 0 failed')
        tree.expect('two-tests', ['--suite', 'fine', 'wrong', 'hangs', 'args', '--suite', 'fine'], 1,
                    '1 passed, 3 failed')
        tree.expect('passes-args', ['--suite', 'args'], 1, '0 passed, 1 failed')
        tree.expect('bad', ['--suite', 'bad', 'fine'], 1, '1 passed, 4 failed', 'FAIL  wrong', 'FAIL  skips',
                    'FAIL  cmocka_skips', 'FAIL  hangs', '     line 99', '!     line 20\n')
        tree.expect('slow-when-named', ['--suite', 'later'], 0, '1 passed, 0 failed')
        tree.expect('leftovers', ['--suite', 'litter'], 1, '1 passed, 1 failed', 'file litter', '/toy litters\n')
        tree.expect('kinds', ['--suite', 'kinds', 'kinds-debug'], 0, '2 passed, 0 failed', '-- kinds\n', '-- kinds-debug\n')
        tree.expect('unknown', ['--suite', 'nosuch'], 2, '0 passed, 1 failed', 'nosuch')
        tree.expect('list', ['--list'], 0, '    later', 'build-gcc', '    wrong')
        os.mkdir(os.path.join(root, 'more'))
        tree.write('more/meson.build', "test('newcomer', exe, suite: 'plain')\n")
        tree.expect('new-folder', ['--suite', 'newcomer'], 0, '1 passed, 0 failed')
        tree.write('toy.c', TOY + '\nint broken(void) { return missing; }\n')
        tree.expect('broken-build', ['--suite', 'build-gcc', 'plain'], 1, '0 passed, 4 failed', 'missing')
        tree.write('meson.build', MESON + '\nexecutable(')
        tree.expect('broken-meson', ['--suite', 'build-gcc'], 1, '0 passed, 2 failed')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
