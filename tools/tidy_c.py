"""Just enough C for tools/tidy.py: tokens, includes, calls, and the declarations that make storage.

Not a compiler: macros are not expanded and of #if ... #else only the first branch is parsed for
declarations (calls are looked for in both). What slips through here the object files show (tidy_obj.py).
"""
import re
from collections import namedtuple

Token = namedtuple('Token', 'line kind text')
Include = namedtuple('Include', 'line text')            # text with its quotes or brackets
Function = namedtuple('Function', 'name line lines static')
Mutable = namedtuple('Mutable', 'name line')

LEX = re.compile(r'''
    (?P<comment> /\*.*?\*/ | //(?:\\\n|[^\n])* )
  | (?P<str> (?:u8|[uUL])?"(?:\\.|[^"\\\n])*" )
  | (?P<num> \.?\d(?:[eEpP][+-]|'?[\w.])* )
  | (?P<chr> [uUL]?'(?:\\.|[^'\\\n])+' )
  | (?P<id> [A-Za-z_]\w* )
  | (?P<nl> \n )
  | (?P<space> [ \t\r\f\v]+ | \\\r?\n )
  | (?P<punct> -> | :: | \.\.\. | . )
''', re.X | re.S)
DIRECTIVE = re.compile(r'#(?:/\*.*?\*/|//(?:\\\n|[^\n])*|\\\r?\n|"(?:\\.|[^"\\\n])*"|[^\n])*', re.S)
COMMENT = re.compile(r'/\*.*?\*/|//(?:\\\n|[^\n])*', re.S)
INCLUDE = re.compile(r'#\s*include(?:_next)?\s*(<[^>\n]+>|"[^"\n]+")')
DEFINE = re.compile(r'#\s*define\s+\w+(?:\([^)]*\))?')
OPEN, CLOSE = {'(': ')', '[': ']', '{': '}'}, {')', ']', '}'}
NOT_STORAGE = {'typedef', 'static_assert', '_Static_assert', 'using', 'namespace', 'template', 'friend'}
TAGS = {'struct', 'union', 'enum', 'class'}
ATTRIBUTES = {'__attribute__', '_Alignas', 'alignas', '__asm__', 'asm', '__declspec'}
QUALIFIERS = {'const', 'constexpr'}
TYPE_WORDS = {'unsigned', 'signed', 'long', 'short', 'int', 'char', 'float', 'double', 'void', 'bool', '_Bool',
              'volatile', 'restrict', 'register', 'inline', '_Atomic', 'static', 'extern',
              '_Thread_local', 'thread_local', '__thread'} | QUALIFIERS


class Source:
    """One file: tokens (with `parsed`, those of first branches only), includes, macro bodies."""

    def __init__(self, text):
        self.tokens, self.parsed, self.includes, self.macros = [], [], [], []
        self.line_count = text.count('\n')
        self._lex(text)
        self.functions, self.mutables = [], []
        _Declarations(self).run()
        self.static_names = {f.name for f in self.functions if f.static}

    def _lex(self, text):
        pos, line, fresh = 0, 1, True
        branch = []             # per open #if: '' in the branch that counts
        while pos < len(text):
            if fresh and text[pos] == '#':
                m = DIRECTIVE.match(text, pos)
                self._directive(m.group(), line, branch)
                pos, line = m.end(), line + m.group().count('\n')
                continue
            m = LEX.match(text, pos)
            kind, word = m.lastgroup, m.group()
            if kind in ('str', 'num', 'chr', 'id', 'punct'):
                token = Token(line, kind, word)
                self.tokens.append(token)
                if not any(branch):
                    self.parsed.append(token)
                fresh = False
            elif kind == 'nl':
                fresh = True
            pos, line = m.end(), line + word.count('\n')

    def _directive(self, text, line, branch):
        bare = COMMENT.sub(' ', text)
        word = re.match(r'#\s*(\w*)', bare).group(1)
        if word in ('if', 'ifdef', 'ifndef'):
            # "if 0" and C++ are left out for their #else.
            branch.append('out' if re.match(r'#\s*(if\s+0\s*$|ifdef\s+__cplusplus)', bare) else '')
        elif word in ('else', 'elif') and branch:
            branch[-1] = '' if branch[-1] == 'out' else 'past'
        elif word == 'endif' and branch:
            branch.pop()
        m = INCLUDE.match(bare)
        if m:
            self.includes.append(Include(line, m.group(1)))
        m = DEFINE.match(bare)
        if m:
            body, at = [], line
            for t in LEX.finditer(bare, m.end()):
                if t.lastgroup in ('str', 'num', 'chr', 'id', 'punct'):
                    body.append(Token(at, t.lastgroup, t.group()))
                at += t.group().count('\n')
            self.macros.append(body)

    def calls(self):
        """Tokens that read as calls of a plain function: name(...), not x.name(...), not x->name(...)."""
        for body in [self.tokens, *self.macros]:
            for i, t in enumerate(body[:-1]):
                if t.kind == 'id' and body[i + 1].text == '(' and \
                        (i == 0 or body[i - 1].text not in ('.', '->')) and \
                        t.text not in self.static_names:
                    yield t

    def line_of(self, name):
        """The first line that mentions an identifier; 1 if none does."""
        for body in [self.tokens, *self.macros]:
            for t in body:
                if t.kind == 'id' and t.text == name:
                    return t.line
        return 1


class _Declarations:
    def __init__(self, source):
        self.src = source
        self.toks = source.parsed

    def run(self):
        self._scope(0, len(self.toks))

    def _skip(self, i, end):
        """Index after the bracket that closes the one at i."""
        depth = 0
        while i < end:
            if self.toks[i].text in OPEN and self.toks[i].kind == 'punct':
                depth += 1
            elif self.toks[i].text in CLOSE and self.toks[i].kind == 'punct':
                depth -= 1
                if depth == 0:
                    return i + 1
            i += 1
        return end

    def _scope(self, i, end):
        """Declarations of the file, or of extern "C" { }, from i to end."""
        while i < end:
            text = self.toks[i].text
            if text in (';', '}'):
                i += 1
            elif text == 'extern' and i + 2 < end and self.toks[i + 1].kind == 'str':
                i += 2
                if self.toks[i].text == '{':
                    i += 1              # its } is skipped above
            elif text == 'namespace':
                while i < end and self.toks[i].text not in ('{', ';'):
                    i += 1
                i += 1
            else:
                i = self._declaration(i, end, False)

    def _declaration(self, i, end, local):
        """One declaration or function; notes it and returns the index after it."""
        words, start, assigned = [], i, False
        while i < end:
            t = self.toks[i]
            if t.text == ';':
                i += 1
                break
            if t.text in ATTRIBUTES and i + 1 < end and self.toks[i + 1].text == '(':
                i = self._skip(i + 1, end)
                continue
            if t.text == '=' and not assigned:
                assigned = True
                words.append(t)
            elif t.text == '{':
                after = self._skip(i, end)
                if not assigned and self._is_function(words):
                    self._function(words, i, after)
                    return after
                i = after
                continue
            elif t.text in ('(', '['):
                after = self._skip(i, end)
                if not assigned:
                    words += self.toks[i:after]
                i = after
                continue
            elif t.text == '}':
                i += 1
                break
            elif t.text == ',' and not assigned and not local:
                words.append(t)
            elif not assigned or t.text == ',':
                if t.text == ',':
                    assigned = False
                words.append(t)
            i += 1
        self._note(words)
        return max(i, start + 1)

    @staticmethod
    def _is_function(words):
        """name ( ... ) with the parameter list last, as far as we look."""
        for k in range(1, len(words)):
            if words[k].text == '(' and words[k - 1].kind == 'id' and words[k - 1].text not in TYPE_WORDS:
                return True
            if words[k].text == '(':
                return False
        return False

    def _function(self, words, body, after):
        paren = next(k for k in range(1, len(words)) if words[k].text == '(')
        name = words[paren - 1]
        static = any(w.text == 'static' for w in words[:paren])
        self.src.functions.append(Function(name.text, name.line, self.toks[after - 1].line - name.line + 1, static))
        i = body + 1
        while i < after - 1:
            if self.toks[i].text in ('static', '_Thread_local', '__thread', 'thread_local'):
                i = self._declaration(i, after - 1, True)
            else:
                i += 1

    def _note(self, words):
        """Record a declaration that makes (or names) an object which can change."""
        texts = [w.text for w in words]
        if not texts or texts[0] in NOT_STORAGE or 'constexpr' in texts or 'operator' in texts:
            return
        if '=' in texts:
            texts, words = texts[:texts.index('=')], words[:texts.index('=')]
        if self._is_function(words):
            static = 'static' in texts
            paren = texts.index('(')
            if static:
                self.src.functions.append(Function(words[paren - 1].text, words[paren - 1].line, 1, True))
            return
        declarator = self._declarator(words)
        if declarator is not None and not self._is_const(texts):
            self.src.mutables.append(Mutable(declarator.text, declarator.line))

    @staticmethod
    def _declarator(words):
        """The token that names the object, or None if nothing is declared (struct s;)."""
        flat, depth = [], 0
        for k, w in enumerate(words):
            if w.text == '(' and k + 1 < len(words) and words[k + 1].text == '*':
                inside = [x for x in words[k + 2:] if x.kind == 'id' and x.text not in TYPE_WORDS]
                return inside[0] if inside else None
            if w.text in ('(', '['):
                depth += 1
            elif w.text in (')', ']'):
                depth -= 1
            elif w.text == ',' and depth == 0:
                break
            elif depth == 0 and w.text != '*':
                flat.append(w)
        types = 0
        k = 0
        while k < len(flat):
            w = flat[k]
            if w.text in TAGS:
                k += 1 if k + 1 < len(flat) and flat[k + 1].kind == 'id' else 0
                types += 1
            elif w.kind != 'id':
                return None
            elif w.text in TYPE_WORDS:
                types += w.text not in QUALIFIERS | {'static', 'extern', 'volatile', 'inline', '_Thread_local',
                                                     'thread_local', '__thread', 'register'}
            elif types == 0:
                types += 1
            elif k == len(flat) - 1:
                return w
            k += 1
        return None

    @staticmethod
    def _is_const(texts):
        """Is the object itself const: after the last * if it is a pointer, anywhere if it is not?"""
        if any(t in ('_Thread_local', 'thread_local', '__thread') for t in texts):
            return False
        depth, last = 0, -1
        pointer_to = '(' in texts and texts.index('(') + 1 < len(texts) and texts[texts.index('(') + 1] == '*'
        if pointer_to:
            texts = texts[texts.index('(') + 1:]
        for k, t in enumerate(texts):
            depth += t in ('(', '[')
            depth -= t in (')', ']')
            if depth < 0:
                texts = texts[:k]
                break
            if t == '*' and depth == 0:
                last = k
        return 'const' in texts[last + 1:]
