"""Predicted, simulated, tolerance, and whether the prediction holds: how every simulation is judged.

A simulation collects checks; `toysims.experiment` prints them, writes them and sets the exit code.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

STANDARD_ERRORS = 4
ROUNDING = 1e-9  # relative: where every sample agrees the standard error is 0, but sums are still rounded


class Check(NamedTuple):
    """One prediction. It holds when |simulated - predicted| <= tolerance; nan never holds.

    >>> Check("rate of approach", "T8", predicted=0.5, simulated=0.56, tolerance=0.005).holds
    False
    """

    claim: str
    source: str
    predicted: float
    simulated: float
    tolerance: float

    @property
    def holds(self) -> bool:
        """Whether the simulation bears the prediction out."""
        return bool(abs(self.simulated - self.predicted) <= self.tolerance)


def at_most(claim: str, source: str, simulated: float, bound: float) -> Check:
    """The check of a distance that theory says is zero, and that may be `bound` at most."""
    return Check(claim, source, 0.0, float(simulated), float(bound))


def worst_of(
    claim: str, source: str, predicted: float, simulated: Float[np.ndarray, " *all"], tolerance: float
) -> Check:
    """The check of the one measurement farthest from what is predicted for all of them."""
    simulated = np.ravel(simulated)
    farthest = float(simulated[np.abs(simulated - predicted).argmax()])
    return Check(claim, source, float(predicted), farthest, float(tolerance))


def monte_carlo(
    claim: str,
    source: str,
    predicted: float,
    replicas: Float[np.ndarray, " replicas"],
    predicted_error: float = 0.0,
) -> Check:
    """The check of a mean over independent replicas, with four standard errors as tolerance.

    predicted_error is the standard error that theory itself predicts for that mean. The larger of the two
    counts: few replicas that happen to agree say little about their spread.
    """
    observed = float(np.std(replicas, ddof=1)) / len(replicas) ** 0.5
    error = max(observed, predicted_error)
    tolerance = STANDARD_ERRORS * error + ROUNDING * max(1.0, abs(predicted))
    return Check(claim, source, float(predicted), float(np.mean(replicas)), float(tolerance))


def failures(checks: Iterable[Check]) -> list[str]:
    """One sentence for each prediction that fails."""
    return [
        f"{check.claim} [{check.source}]: predicted {check.predicted:.6g}, simulated {check.simulated:.6g}, "
        f"tolerance {check.tolerance:.2g}"
        for check in checks
        if not check.holds
    ]


def records(checks: Sequence[Check]) -> list[dict[str, Any]]:
    """The checks for summary.json."""
    return [{**check._asdict(), "holds": check.holds} for check in checks]


def table(title: str, checks: Sequence[Check]) -> Any:
    """A rich table, one line a prediction."""
    from rich import box
    from rich.table import Table

    result = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for name in ("prediction", "theorem"):
        result.add_column(name)
    for name in ("predicted", "simulated", "tolerance"):
        result.add_column(name, justify="right")
    result.add_column("holds")
    for check in checks:
        numbers = (f"{number:.5g}" for number in (check.predicted, check.simulated))
        holds = "yes" if check.holds else "[bold red]NO[/]"
        result.add_row(check.claim, check.source, *numbers, f"{check.tolerance:.1e}", holds)
    return result
