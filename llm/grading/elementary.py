"""Functions of a number and exact roots; what has no value is Undefined, what has none among the reals is Outside."""

from fractions import Fraction
from typing import Any


class Undefined(ArithmeticError):
    """No value: a division by zero, a logarithm of zero, a number too large to write."""


class Outside(Undefined):
    """No real value at this point."""


def elementary(mp: Any, name: str, x: Any, real: bool) -> Any:
    """A function of one number in an mpmath context; in real mode Outside where it has no real value."""
    if name in ("ln", "log", "lg"):
        if x == 0:
            raise Undefined("a logarithm of zero")
        if real and is_real(x) and x < 0:
            raise Outside("a logarithm of a negative number")
        return mp.log(x) if name == "ln" else mp.log(x) / mp.log(10)
    if name in ("arcsin", "arccos") and real and is_real(x) and abs(x) > 1:
        raise Outside(f"{name} beyond one")
    if abs(x) > 10**6 and name not in ("abs", "floor", "ceil", "arctan"):
        raise Undefined("too large")
    if name == "cis":
        return mp.cos(x) + mp.mpc(0, 1) * mp.sin(x)
    names = {"arcsin": "asin", "arccos": "acos", "arctan": "atan", "arccot": "acot", "arcsec": "asec", "arccsc": "acsc"}
    names |= {"abs": "fabs"}
    try:
        value = getattr(mp, names.get(name, name))(x)
    except (ZeroDivisionError, ValueError) as error:
        raise Undefined(str(error)) from None
    if name in ("tan", "sec", "cot", "csc") and abs(value) > mp.mpf(10) ** (mp.dps // 2):
        raise Undefined("a pole")
    return value


def is_odd_root(exponent: Fraction) -> bool:
    """Whether a negative number has a real power of this kind: thirds and fifths as written, no drawn symbol."""
    return exponent.denominator % 2 == 1 and exponent.denominator < 20


def is_real(number: Any) -> bool:
    return not hasattr(number, "_mpc_")  # mpmath's complex numbers have it


def exact_root(value: Fraction, degree: int) -> Fraction | None:
    """The real root of a rational number where it is rational."""
    if degree > 64 or (value < 0 and degree % 2 == 0):
        return None
    roots = [_integer_root(part, degree) for part in (abs(value.numerator), value.denominator)]
    if roots[0] is None or roots[1] is None:
        return None
    return Fraction(roots[0], roots[1]) * (-1 if value < 0 else 1)


def _integer_root(number: int, degree: int) -> int | None:
    if degree == 1 or number < 2:
        return number
    low, high = 1, 1 << (number.bit_length() // degree + 1)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if middle**degree < number else (low, middle)
    return low if low**degree == number else None
