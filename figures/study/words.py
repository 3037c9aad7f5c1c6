"""Numbers as a reader meets them in sentences and tables. What is not known is said to be unknown, never nan."""

from typing import Any

import numpy as np

UNKNOWN = "unknown"


def known(*values: Any) -> bool:
    """All of them are finite numbers; null in a file is None here."""
    return all(value is not None and np.isfinite(value) for value in values)


def number(value: Any, form: str = ".3f") -> str:
    return format(value, form) if known(value) else UNKNOWN


def with_error(value: Any, error: Any, form: str = ".3f", of_error: str | None = None) -> str:
    """value ± error; an unknown error is left out."""
    return number(value, form) + (f" ± {format(error, of_error or form)}" if known(value, error) else "")


def with_interval(value: Any, low: Any, high: Any, form: str = "+.2f") -> str:
    """value [low, high]; an unknown interval is left out."""
    return number(value, form) + (f" [{format(low, form)}, {format(high, form)}]" if known(value, low, high) else "")


def points(value: float, low: float = np.nan, high: float = np.nan) -> str:
    """A difference of shares in points, with its interval."""
    return with_interval(100 * value, 100 * low, 100 * high, "+.1f")
