r"""The value of an expression tree at a point: exact fractions as long as they last, else mpmath at many digits.

Real mode answers "what is it for real symbols": a root or logarithm of a negative number is Outside its domain there.
Without it both are the principal complex ones. Every size is bounded before it is computed.
"""

import functools
import hashlib
import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import mpmath

from llm.grading.elementary import Outside, Undefined, elementary, exact_root, is_odd_root, is_real
from llm.grading.formulas import Node

MAX_BITS = 100_000  # of an exact number
MAX_TERMS = 1000
Value = Any  # Fraction, mpmath's mpf or mpc (which has no types), or a matrix: a tuple of rows


@functools.cache
def _numbers(digits: int) -> Any:
    """mpmath with so many digits; costly to make, and never changed."""
    numbers = mpmath.mp.clone()
    numbers.dps = digits
    return numbers


class Evaluation:
    """Values at one point. `scale` is the largest number that was added, which bounds the rounding of the result."""

    def __init__(self, point: Mapping[str, Fraction], digits: int, real: bool):
        self.point, self.real, self.scale = dict(point), real, mpmath.mpf(0)
        self.counters: list[str] = []
        self.mp = _numbers(digits)

    def value(self, node: Node) -> Value:
        kind = node[0]
        if kind == "number":
            return node[1]
        if kind == "symbol":
            return self._symbol(node[1])
        if kind == "add":
            return self._add([self.value(part) for part in node[1]])
        if kind == "multiply":
            product = self.value(node[1][0])
            for part in node[1][1:]:
                product = self._times(product, self.value(part))
            return product
        if kind == "divide":
            return self._divide(self.value(node[1]), self.value(node[2]))
        if kind == "power":
            return self._power(self.value(node[1]), self.value(node[2]))
        if kind == "matrix":
            return tuple(tuple(self.value(entry) for entry in row) for row in node[1])
        if kind == "call":
            return self._call(node[1], [self.value(argument) for argument in node[2]])
        return self._series(*node)

    def number(self, value: Value):
        """The mpmath number of a scalar."""
        if isinstance(value, tuple):
            raise Undefined("a matrix where a number is needed")
        return self.mp.mpf(value.numerator) / value.denominator if isinstance(value, Fraction) else value

    def _symbol(self, name: str) -> Value:
        counted = [counter for counter in self.counters if counter in name.partition("_")[2]]
        if counted:  # a_k under a sum over k: any sequence
            return self._unknown(name, [self.point[counter] for counter in counted])
        if name in self.point:
            return self.point[name]
        constants = {"e": self.mp.e, r"\pi": self.mp.pi}
        if name == "i":
            return self.mp.mpc(0, 1)
        if name in constants:
            return +constants[name]
        raise Undefined(f"{name} has no value")

    def _add(self, values: list[Value]) -> Value:
        total = values[0]
        for value in values[1:]:
            if isinstance(total, tuple) != isinstance(value, tuple):
                raise Undefined("a number and a matrix")
            if isinstance(total, tuple):
                if [len(row) for row in total] != [len(row) for row in value]:
                    raise Undefined("matrices of two shapes")
                total = tuple(
                    tuple(self._add([a, b]) for a, b in zip(*rows, strict=True))
                    for rows in zip(total, value, strict=True)
                )
            elif isinstance(total, Fraction) and isinstance(value, Fraction):
                total = total + value
            else:
                first, second = self.number(total), self.number(value)
                self.scale = max(self.scale, abs(first), abs(second))
                total = first + second
        return total

    def _times(self, one: Value, other: Value) -> Value:
        if isinstance(one, tuple) and isinstance(other, tuple):
            if len(one[0]) != len(other):
                raise Undefined("matrices that do not fit")
            columns = list(zip(*other, strict=True))
            return tuple(
                tuple(self._add([self._times(a, b) for a, b in zip(row, column, strict=True)]) for column in columns)
                for row in one
            )
        if isinstance(one, tuple) or isinstance(other, tuple):
            matrix, factor = (one, other) if isinstance(one, tuple) else (other, one)
            return tuple(tuple(self._times(factor, entry) for entry in row) for row in matrix)
        if isinstance(one, Fraction) and isinstance(other, Fraction):
            return one * other
        return self.number(one) * self.number(other)

    def _divide(self, top: Value, bottom: Value) -> Value:
        if isinstance(bottom, tuple):
            raise Undefined("a matrix below")
        if bottom == 0:
            raise Undefined("a division by zero")
        return self._times(top, 1 / bottom)

    def _power(self, base: Value, exponent: Value) -> Value:
        if isinstance(base, tuple) or isinstance(exponent, tuple):
            raise Undefined("a power of a matrix")
        if base == 0:
            if not isinstance(exponent, Fraction) or exponent < 0:
                raise Undefined("a power of zero")
            return Fraction(int(exponent == 0))
        size = abs(self.number(exponent)) * (1 + abs(self.mp.log(abs(self.number(base)), 2)))
        if size > 10 * MAX_BITS:
            raise Undefined("too large")
        if isinstance(base, Fraction) and isinstance(exponent, Fraction):
            bits = max(base.numerator.bit_length(), base.denominator.bit_length()) * abs(exponent)
            if exponent.denominator == 1 and bits <= MAX_BITS:
                return base ** int(exponent)
            rooted = bits <= MAX_BITS and (base > 0 or is_odd_root(exponent))
            root = exact_root(base, exponent.denominator) if rooted else None
            if root is not None:
                return root ** int(exponent.numerator)
            if base < 0 and is_odd_root(exponent):
                size = self.mp.exp(self.mp.log(self.number(-base)) * self.number(exponent))
                return -size if exponent.numerator % 2 else size
        number = self.number(base)
        if isinstance(exponent, Fraction) and exponent.denominator == 1:
            return number ** int(exponent)
        if is_real(number) and number < 0 and isinstance(exponent, Fraction) and is_odd_root(exponent):
            size = (-number) ** self.number(exponent)
            return -size if exponent.numerator % 2 else size
        if self.real and is_real(number) and number < 0:
            raise Outside("a root of a negative number")
        return number ** self.number(exponent)

    def _call(self, name: str, arguments: list[Value]) -> Value:
        if name.startswith("?"):
            return self._unknown(name, arguments)
        if name in ("gcd", "lcm", "max", "min"):
            return self._of_several(name, arguments)
        if len(arguments) != (2 if name == "binomial" else 1):
            raise Undefined(f"{name} of {len(arguments)}")
        exact = all(isinstance(argument, Fraction) for argument in arguments)
        if name == "binomial":
            top, below = arguments
            if exact and below.denominator == 1 and 0 <= below <= MAX_TERMS:
                product = Fraction(1)
                for step in range(int(below)):
                    product = product * (top - step) / (step + 1)
                return product
            return self.mp.binomial(*(self._moderate(argument) for argument in arguments))
        (argument,) = arguments
        if name == "factorial":
            if exact and argument.denominator == 1 and argument < 0:
                raise Undefined("a factorial of a negative number")
            if exact and argument.denominator == 1 and argument <= MAX_TERMS * 5:
                return Fraction(math.factorial(int(argument)))
            return self.mp.factorial(self._moderate(argument))
        if exact and name in ("abs", "floor", "ceil"):
            return (
                abs(argument) if name == "abs" else Fraction((math.floor if name == "floor" else math.ceil)(argument))
            )
        return elementary(self.mp, name, self.number(argument), self.real)

    def _of_several(self, name: str, arguments: list[Value]) -> Value:
        if not all(isinstance(argument, Fraction) for argument in arguments):
            return self._unknown("?" + name, arguments)
        if name in ("max", "min"):
            return (max if name == "max" else min)(arguments)
        if any(argument.denominator != 1 for argument in arguments):
            raise Outside(f"{name} of a fraction")
        function: Callable[..., int] = math.gcd if name == "gcd" else math.lcm
        return Fraction(function(*(int(argument) for argument in arguments)))

    def _unknown(self, name: str, arguments: list[Value]) -> Value:
        """Any function: equal at equal arguments and nowhere else."""
        text = ";".join(self.mp.nstr(self.mp.mpmathify(self.number(argument)), 25) for argument in arguments)
        return Fraction(int.from_bytes(hashlib.sha256(f"{name}({text})".encode()).digest()[:8], "big"), 2**60)

    def _series(self, kind: str, counter: str, low: Node, high: Node, body: Node) -> Value:
        first, last = self.value(low), self.value(high)
        if not (
            isinstance(first, Fraction) and isinstance(last, Fraction) and first.denominator == last.denominator == 1
        ):
            raise Outside("a sum between fractions")
        if last - first > MAX_TERMS:
            raise Undefined("too many terms")
        shadowed = self.point.get(counter)
        self.counters.append(counter)
        total: Value = Fraction(int(kind == "product"))
        for step in range(int(first), int(last) + 1):
            self.point[counter] = Fraction(step)
            term = self.value(body)
            total = self._add([total, term]) if kind == "sum" else self._times(total, term)
        self.counters.pop()
        if shadowed is None:
            self.point.pop(counter, None)
        else:
            self.point[counter] = shadowed
        return total

    def _moderate(self, value: Value):
        number = self.number(value)
        if abs(number) > 10**5:
            raise Undefined("too large")
        return number
