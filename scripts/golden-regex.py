"""Records what CPython's `re` answers to random patterns and texts, as the test data of src/expression/regex.

Run with Python 3.11:  python3 scripts/golden-regex.py > src/expression/regex/testdata/golden.json

Each item of the output is one case: [pattern, flags, text, operation, answer]. The answer to `search`, `match` and `fullmatch` is null or
[spans of the match and its groups flattened, lastindex]; to `finditer` a list of those; to `split` and `sub` the list or text; a
pattern that does not compile has {"error": text} instead.
"""
import json
import random
import re
import signal
import sys
import warnings

warnings.simplefilter("ignore")
random.seed(20260101)
PAIRS = int(sys.argv[1]) if len(sys.argv) > 1 else 3400

ALPHABETS = ["ab", "abc", "aAbB", "ab1_ ", "ab\n", "abé", "ſsSkK\u212a", "a😀b", "iIıİ", "αΑςσΣ", "x-.@/"]


class Maker:
    def __init__(self, alphabet):
        self.alphabet = alphabet
        self.closed = []
        self.groups = 0
        self.names = []

    def char(self):
        c = random.choice(self.alphabet)
        if c in ".-" and random.random() < 0.7:
            return "\\" + c
        return {"\n": "\\n", " ": "\\ "}.get(c, c)

    def set(self):
        parts = []
        for _ in range(random.randint(1, 3)):
            kind = random.random()
            if kind < 0.5:
                parts.append(random.choice(self.alphabet.replace("-", "")) if self.alphabet != "-" else "x")
            elif kind < 0.7:
                lo, hi = sorted([random.choice(self.alphabet), random.choice(self.alphabet)])
                parts.append(re.escape(lo) + "-" + re.escape(hi))
            elif kind < 0.8:
                parts.append(random.choice(["a-z", "A-Z", "0-9", "\\x00-\\x7f", "é-ÿ"]))
            else:
                parts.append(random.choice(["\\w", "\\d", "\\s", "\\W", "\\D", "\\S"]))
        return "[" + random.choice(["", "", "^"]) + "".join(parts) + "]"

    def atom(self, depth):
        kind = random.random()
        if depth <= 0 or kind < 0.45:
            kind = random.random()
            if kind < 0.55:
                return self.char()
            if kind < 0.7:
                return "."
            if kind < 0.85:
                return self.set()
            if kind < 0.93:
                return random.choice(["\\w", "\\d", "\\s", "\\W", "\\D", "\\S"])
            return "".join(self.char() for _ in range(3))
        if kind < 0.68:
            self.groups += 1
            number = self.groups
            name = ""
            if random.random() < 0.15:
                name = "?P<g%d>" % number
                self.names.append("g%d" % number)
            body = self.alternatives(depth - 1)
            self.closed.append(number)
            return "(%s%s)" % (name, body)
        if kind < 0.78:
            return "(?:%s)" % self.alternatives(depth - 1)
        if kind < 0.82:
            return "(?=%s)" % self.alternatives(depth - 1)
        if kind < 0.86:
            return "(?!%s)" % self.alternatives(depth - 1)
        if kind < 0.89:
            return "(?<%s%s)" % (random.choice("=!"), self.alternatives(1 if random.random() < 0.2 else 0))
        if kind < 0.92:
            return "(?>%s)" % self.alternatives(depth - 1)
        if kind < 0.94:
            return "(?%s:%s)" % (random.choice(["i", "s", "m", "-i", "i-s", "a", "x"]), self.alternatives(depth - 1))
        if kind < 0.98 and self.closed:
            group = random.choice(self.closed)
            return "\\%d" % group if "g%d" % group not in self.names else "(?P=g%d)" % group
        if self.groups:
            return "(?(%d)%s|%s)" % (random.randint(1, self.groups), self.item(depth - 1), self.item(depth - 1))
        return self.char()

    def item(self, depth):
        if random.random() < 0.1:
            return random.choice(["^", "$", "\\b", "\\B", "\\A", "\\Z", "(?#x)", ""])
        atom = self.atom(depth)
        if random.random() < 0.42:
            if len(atom) > 1 and atom[0] not in "([\\":
                atom = "(?:%s)" % atom
            quantifier = random.choice(["*", "+", "?", "*", "+", "{2}", "{1,2}", "{0,3}", "{2,}", "{,2}", "{0}"])
            return atom + quantifier + random.choice(["", "", "", "?", "?", "+"])
        return atom

    def sequence(self, depth):
        return "".join(self.item(depth) for _ in range(random.choice([0, 1, 1, 2, 2, 3] if depth < 3 else [1, 2, 3, 4])))

    def alternatives(self, depth):
        return "|".join(self.sequence(depth) for _ in range(random.choice([1, 1, 1, 2, 2, 3])))

    def text(self):
        extra = random.choice(["", "", "", "zZ9", "é😀", "\n "])
        return "".join(random.choice(self.alphabet + extra) for _ in range(random.choice([0, 1, 2, 3, 4, 5, 6, 8, 10, 12])))


def damage(pattern):
    """Takes away or adds a character, which often makes the pattern invalid."""
    at = random.randrange(len(pattern) + 1)
    if random.random() < 0.5:
        return pattern[:at] + pattern[at + 1 :]
    return pattern[:at] + random.choice("()[]{}*+?|\\^$-,<>=!:#Piz129") + pattern[at:]


def spans(match):
    return [[n for g in range(match.re.groups + 1) for n in match.span(g)], match.lastindex]


def answer(pattern, flags, text, operation):
    try:
        program = re.compile(pattern, flags)
    except (re.error, OverflowError, ValueError, IndexError) as error:
        return {"error": str(error)}
    if operation == "finditer":
        return [spans(m) for m in program.finditer(text)]
    if operation == "split":
        return program.split(text)
    if operation == "sub":
        return program.sub(lambda m: "<" + (m.group() or "") + ">", text)
    match = getattr(program, operation)(text)
    return match and spans(match)


class TooLong(Exception):
    pass


def alarm(*_):
    raise TooLong


signal.signal(signal.SIGALRM, alarm)
cases = []
while len(cases) < PAIRS:
    maker = Maker(random.choice(ALPHABETS))
    pattern = maker.alternatives(3)
    if random.random() < 0.06:
        pattern = damage(pattern)
    if len(pattern) > 90:
        continue
    if not pattern and random.random() < 0.9:
        continue
    flags = 0
    for flag, chance in ((re.I, 0.3), (re.M, 0.2), (re.S, 0.2), (re.X, 0.05), (re.A, 0.1)):
        if random.random() < chance:
            flags |= flag
    operation = random.choice(["search", "search", "search", "match", "fullmatch", "fullmatch", "finditer", "finditer", "split", "sub"])
    # The text most likely to say something: the longest match of a few.
    best = None
    for _ in range(6):
        text = maker.text()
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        try:
            result = answer(pattern, flags, text, operation)
        except (TooLong, SystemError):  # the latter: CPython noticed a fault of its own
            continue
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        if best is None or len(json.dumps(result)) > len(json.dumps(best[4])):
            best = [pattern, int(flags), text, operation, result]
    if best:
        cases.append(best)

print("[")
print(",\n".join(json.dumps(case, ensure_ascii=False, separators=(",", ":")) for case in cases))
print("]")
