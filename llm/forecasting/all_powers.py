"""Every number of a forecast, power by power: what --table prints."""

import math
from collections.abc import Sequence

from harness.text_table import table
from llm.wording import UNKNOWN, interval, number
from theory.estimation.records import Estimate, Forecast

TITLE = "Every power, 95 % intervals over prompts; ? = these rollouts cannot tell, ≥ = at least"


def all_powers(groups: Sequence[Sequence[Forecast]], columns: int) -> str:
    """A row a target. ESS: effective samples a prompt."""
    records = [record for group in groups for record in group]
    votes = [name for name in (_largest(records[0], kind) for kind in ("pass@", "maj@")) if name]
    header = ("α, b = 1/β", "accuracy", "length", "KL", "entropy", *votes, "ESS", "Pareto k")
    rows = [(_name(record), *_cells(record, votes)) for record in records]
    return f"{TITLE}\n\n{table(header, rows, columns)}\n"


def _name(record: Forecast) -> str:
    b = record.target.b
    beta = f" (β {1 / b:.3g})" if 0 < b < math.inf else ""
    kappa = f", κ {record.target.kappa:g}" if record.target.kappa else ""
    return f"{record.target.alpha:g}, {b:g}{beta}{kappa}"


def _cells(record: Forecast, votes: Sequence[str]) -> tuple[str, ...]:
    return (
        with_interval(record["accuracy"], 3),
        with_interval(record["length"], 1),
        least(record["kl"], 3),
        doubted(record["entropy"], 2),
        *(doubted(record[name], 2) if name in record else "" for name in votes),
        number(record.ess, 1),
        number(record.pareto_k, 2),
    )


def doubted(estimate: Estimate, digits: int) -> str:
    """The number, and ? where these rollouts cannot tell it."""
    return f"{number(estimate.value, digits)}{'' if estimate.reliable else '?'}"


def least(kl: Estimate, digits: int) -> str:
    """A KL. Where it cannot be told it is too small: n samples show no more than log n nats."""
    shown = number(kl.value, digits)
    return shown if shown == UNKNOWN or not (kl.at_least or kl.doubts) else f"≥ {shown}"


def with_interval(estimate: Estimate, digits: int) -> str:
    return f"{doubted(estimate, digits)} {interval(estimate.low, estimate.high, digits)}"


def _largest(record: Forecast, kind: str) -> str | None:
    """The quantity of that kind with the largest k."""
    return next((name for name in reversed(list(record.quantities)) if name.startswith(kind)), None)
