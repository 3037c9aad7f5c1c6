r"""Reading one LaTeX expression into a tree. What is not surely read is Unreadable, and then only its text decides.

Nodes are tuples: ("number", Fraction), ("symbol", name), ("add" | "multiply", nodes), ("power", base, exponent),
("divide", a, b), ("call", name, nodes), ("matrix", rows), ("sum" | "product", variable, low, high, body).
"""

import re
from fractions import Fraction

MAX_DEPTH = 40
_TOKEN = re.compile(
    r"\d+(?:,\d{3}(?!\d))*(?:\.\d+)?|\.\d+|\\(?:begin|end)\s*\{[a-z]+\*?\}|\\[a-zA-Z]+|\\\\|\\[{}|]|\S", re.ASCII
)
GREEK = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau phi chi psi omega"
_ACCENTS = "bar overline hat widehat vec overrightarrow tilde widetilde dot ddot mathcal mathbb"
_TRIGONOMETRIC = "sin cos tan cot sec csc"
_FUNCTIONS = f"{_TRIGONOMETRIC} arcsin arccos arctan arccot arcsec arccsc sinh cosh tanh ln log lg exp gcd lcm max min"
SYMBOLS = {f"\\{name}" for name in GREEK.split()} | {f"\\{name.capitalize()}" for name in GREEK.split()}
SYMBOLS |= {r"\ell", r"\hbar", r"\nabla", r"\triangle", r"\angle", r"\square"}
ACCENTS = {rf"\{name}" for name in _ACCENTS.split()}
FUNCTIONS = {rf"\{name}": name for name in _FUNCTIONS.split()}
INVERSE = {name: f"arc{name}" for name in _TRIGONOMETRIC.split()}
CLOSING = {
    "(": ")",
    "[": "]",
    r"\{": r"\}",
    "{": "}",
    r"\lfloor": r"\rfloor",
    r"\lceil": r"\rceil",
    r"\langle": r"\rangle",
}
TIMES, DIVIDED = {"*", r"\cdot", r"\times", r"\ast"}, {"/", r"\div"}
Node = tuple


class Unreadable(ValueError):
    """The text is no expression that this reader is sure of."""


def read(text: str) -> Node:
    """The tree of a cleaned expression; Unreadable where the reading is not certain."""
    reader = _Reader([match.group() for match in _TOKEN.finditer(text)])
    node = reader.expression()
    if reader.peek():
        raise Unreadable(f"{reader.peek()!r} left over")
    return node


class _Reader:
    def __init__(self, tokens: list[str]):
        self.tokens, self.place, self.depth, self.bars = tokens, 0, 0, 0

    def peek(self, ahead: int = 0) -> str:
        place = self.place + ahead
        return self.tokens[place] if place < len(self.tokens) else ""

    def take(self, expected: str = "") -> str:
        token = self.peek()
        if not token or (expected and token != expected):
            raise Unreadable(f"{expected or 'more'} expected at {token!r}")
        self.place += 1
        return token

    def expression(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Unreadable("nested too deep")
        terms = [self.signed(self.term)]
        while self.peek() in ("+", "-"):
            terms.append(self.signed(self.term))
        self.depth -= 1
        return terms[0] if len(terms) == 1 else ("add", terms)

    def signed(self, inner) -> Node:
        negative = False
        while self.peek() in ("+", "-"):
            negative ^= self.take() == "-"
        node = inner()
        return ("multiply", [("number", Fraction(-1)), node]) if negative else node

    def term(self) -> Node:
        node = self.juxtaposed()
        while True:
            if self.peek() in TIMES:
                self.take()
                node = ("multiply", [node, self.signed(self.juxtaposed)])
            elif self.peek() in DIVIDED:
                self.take()
                node = ("divide", node, self.signed(self.power))
                if self.starts_factor():
                    if node[1][0] != "number" or node[2][0] != "number":
                        raise Unreadable("a/b c may be (a/b)c or a/(bc)")
                    node = ("multiply", [node, self.juxtaposed()])  # 2/3 x
            else:
                return node

    def juxtaposed(self) -> Node:
        factors = [self.power()]
        mixed = factors[0][0] == "number" and factors[0][1].denominator == 1
        while self.starts_factor():
            plain_fraction = self.peek() == r"\frac"
            number = self.peek()[0].isdigit() or self.peek().startswith(".")
            if number and self.tokens[self.place - 1] not in (")", "!", "}", "]"):
                raise Unreadable("two numbers side by side")
            factor = self.power()
            if mixed and len(factors) == 1 and plain_fraction and _numeric(factor):
                if not factor[1][1] < factor[2][1]:
                    raise Unreadable("a mixed number with an improper fraction")
                factors = [("add", [factors[0], factor])]
                mixed = False
            else:
                factors.append(factor)
        return factors[0] if len(factors) == 1 else ("multiply", factors)

    def starts_factor(self) -> bool:
        token = self.peek()
        if token == "|":
            return not self.bars
        return bool(token) and (
            token[0].isalnum()
            or token in CLOSING
            or token in SYMBOLS
            or token in ACCENTS
            or token in FUNCTIONS
            or token in (r"\frac", r"\sqrt", r"\binom", r"\sum", r"\prod", r"\int", r"\lim", r"\text", r"\|")
            or token.startswith((r"\begin", "."))
        )

    def power(self) -> Node:
        node = self.primary()
        while self.peek() in ("!", "^"):
            if self.take() == "!":
                if self.peek() == "!":
                    raise Unreadable("double factorial")
                node = ("call", "factorial", [node])
            else:
                node = ("power", node, self.exponent())
        return node

    def exponent(self) -> Node:
        node = self.group() if self.peek() == "{" else self.signed(self.primary)
        if self.peek() == "^":
            self.take()
            node = ("power", node, self.exponent())
        return node

    def group(self) -> Node:
        self.take("{")
        node = self.expression()
        self.take("}")
        return node

    def argument(self) -> Node:
        r"""What a command like \frac takes: a group, or one digit or sign."""
        if self.peek() == "{":
            return self.group()
        token = self.peek()
        if token.isdigit() and len(token) > 1:
            self.tokens[self.place : self.place + 1] = [token[0], token[1:]]
        return self.primary()

    def primary(self) -> Node:
        token = self.take()
        if token[0].isdigit() or (token[0] == "." and len(token) > 1):
            if self.peek() == "_":
                raise Unreadable("a number with a base")
            return ("number", Fraction(token.replace(",", "")))
        if token in CLOSING:
            bars, self.bars = self.bars, 0
            node = self.expression()
            self.take(CLOSING[token])
            self.bars = bars
            return ("call", token[2:], [node]) if token in (r"\lfloor", r"\lceil") else node
        if token == "|":
            self.bars += 1
            node = self.expression()
            self.take("|")
            self.bars -= 1
            return ("call", "abs", [node])
        if token == r"\frac":
            top = self.argument()
            return ("divide", top, self.argument())
        if token == r"\binom":
            top = self.argument()
            return ("call", "binomial", [top, self.argument()])
        if token == r"\sqrt":
            return self.root()
        if token in (r"\sum", r"\prod", r"\int", r"\lim"):
            return self.big(token)
        if token in FUNCTIONS:
            return self.function(FUNCTIONS[token])
        if token == r"\text" and self.tokens[self.place : self.place + 5] == ["{", "c", "i", "s", "}"]:
            self.place += 5
            return self.function("cis")
        if token.startswith(r"\begin"):
            return self.matrix(token)
        if (token.isalpha() and token.isascii()) or token in SYMBOLS or token in ACCENTS:
            return self.symbol(token)
        raise Unreadable(f"{token!r} is not known")

    def root(self) -> Node:
        degree: Node = ("number", Fraction(2))
        if self.peek() == "[":
            self.take()
            degree = self.expression()
            self.take("]")
        return ("power", self.argument(), ("divide", ("number", Fraction(1)), degree))

    def symbol(self, name: str) -> Node:
        if name in ACCENTS:
            kind = {r"\bar": "overline", r"\widehat": "hat", r"\overrightarrow": "vec", r"\widetilde": "tilde"}.get(
                name, name[1:]
            )
            name = f"{kind}({self.raw()})"
        primes = ""
        while self.peek() in ("_", "'") or (self.peek() == "^" and self.peek(1) == r"\prime"):
            if self.take() == "_":
                name = f"{name}_{self.raw()}"
            else:
                primes += "'"
                self.place += self.peek() == r"\prime"
        if self.peek() == "(" and (
            primes or name in ("f", "g", "F", "G") or self.peek(2) == ")"
        ):  # f(x + 1), I(0), u(t)
            return ("call", "?" + name + primes, self.listed())
        return ("symbol", name + primes)

    def raw(self) -> str:
        """The text of a subscript or of what an accent stands on."""
        if self.peek() != "{":
            return self.take()
        self.take()
        inner, depth = [], 1
        while depth:
            token = self.take()
            depth += (token == "{") - (token == "}")
            inner.append(token)
        return "".join(inner[:-1])

    def listed(self) -> list[Node]:
        self.take("(")
        nodes = [self.expression()]
        while self.peek() == ",":
            self.take()
            nodes.append(self.expression())
        self.take(")")
        return nodes

    def function(self, name: str) -> Node:
        base = exponent = None
        while self.peek() in ("_", "^"):
            if self.take() == "_":
                base = self.argument()
            else:
                exponent = self.exponent()
        if exponent == ("multiply", [("number", Fraction(-1)), ("number", Fraction(1))]) and name in INVERSE:
            name, exponent = INVERSE[name], None
        arguments = self.listed() if self.peek() == "(" else [self.bare_argument()]
        if base is not None:
            if name != "log":
                raise Unreadable(f"{name} with a subscript")
            node: Node = ("divide", ("call", "ln", arguments), ("call", "ln", [base]))
        else:
            node = ("call", name, arguments)
        return node if exponent is None else ("power", node, exponent)

    def bare_argument(self) -> Node:
        r"""2x of \sin 2x \cos y: factors side by side up to the next function."""
        factors = [self.signed(self.power)]
        while self.starts_factor() and self.peek() not in FUNCTIONS and self.peek() not in ("(", "["):
            factors.append(self.power())
        return factors[0] if len(factors) == 1 else ("multiply", factors)

    def big(self, token: str) -> Node:
        r"""\sum and \prod with a counter; \int and \lim are functions that nothing is known of."""
        low = high = None
        counter = ""
        while self.peek() in ("_", "^"):
            if self.take() == "_":
                counter, low = self.counter(token)
            else:
                high = self.exponent()
        body = self.term()
        if token in (r"\sum", r"\prod") and low is not None and high is not None:
            return ("sum" if token == r"\sum" else "product", counter, low, high, body)
        return ("call", f"?{token}{counter}", [node for node in (low, high, body) if node is not None])

    def counter(self, token: str) -> tuple[str, Node]:
        if self.peek() != "{" or token == r"\int":
            return "", self.argument()
        self.take("{")
        node = self.primary()
        sign = self.take()
        if node[0] != "symbol" or sign not in ("=", r"\to", r"\rightarrow"):
            raise Unreadable("a sum without a counter")
        low = self.expression()
        self.take("}")
        return node[1], low

    def matrix(self, begin: str) -> Node:
        kind = begin[begin.index("{") + 1 : -1]
        if kind not in ("pmatrix", "bmatrix", "matrix", "array", "smallmatrix"):
            raise Unreadable(kind)
        if kind == "array" and self.peek() == "{":
            self.raw()
        rows: list[list[Node]] = [[]]
        while not self.peek().startswith(r"\end"):
            rows[-1].append(self.expression())
            if self.peek() == r"\\":
                self.take()
                if not self.peek().startswith(r"\end"):
                    rows.append([])
            elif self.peek() == "&":
                self.take()
        self.take()
        if len({len(row) for row in rows}) != 1:
            raise Unreadable("a matrix with uneven rows")
        return ("matrix", rows)


def _numeric(node: Node) -> bool:
    return node[0] == "divide" and node[1][0] == node[2][0] == "number"
