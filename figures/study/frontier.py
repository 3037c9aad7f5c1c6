"""Accuracy against the distance from the base model: the two lines of a forecast, and where runs ended beside them."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from figures.study.words import known

REWARD, SHARPENING = "reward", "sharpening"


class Curve(NamedTuple):
    """One line of a forecast in the order of its distance; at holds b of the reward's line and α of sharpening's.

    kl is in nats. told: both accuracy and distance can be relied on. at is nan where a point is given as the best of k,
    and infinite at a limit. The reward's line is the most that any policy can have at its distance.    [T5]
    """

    kl: np.ndarray
    accuracy: np.ndarray
    low: np.ndarray
    high: np.ndarray
    told: np.ndarray
    at: np.ndarray

    def known_to(self) -> float:
        """The distance up to which all can be told, nats; nan where nothing can. A limit may be known beyond it."""
        if not self.told.any():
            return np.nan
        first = int(np.argmax(self.told))
        lost = np.flatnonzero(~self.told[first:])
        return float(self.kl[first + lost[0] - 1] if len(lost) else self.kl[-1])


class Reading(NamedTuple):
    """A line at one distance: the gain over the base model with its interval, and α or b there."""

    kl: float
    gain: float
    low: float
    high: float
    at: float


class End(NamedTuple):
    """Where the runs of an arm ended: means over seeds, and one standard error or deviation of them.

    kl is the distance in nats, or another quantity that accuracy is drawn against.
    """

    arm: str
    kl: float
    kl_error: float
    accuracy: float
    error: float
    seeds: int


def frontier(content: Mapping[str, Any], lines: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Curve]:
    """Both lines: those that the forecast drew densely, or else the points of its own lines of b and of α >= 1."""
    found = {}
    for name, coordinate in ((REWARD, "b"), (SHARPENING, "alpha")):
        dense = [own for own in content.get("frontier") or () if own.get("line") == name]
        rows = _dense_rows(dense, coordinate) or [_of_line(own, coordinate) for own in _along(lines, coordinate)]
        rows = sorted((row for row in rows if known(row[0], row[1])), key=lambda row: row[0])
        if rows:
            columns = np.array(rows, dtype=float).T
            found[name] = Curve(columns[0], columns[1], columns[2], columns[3], columns[4].astype(bool), columns[5])
    return found


def _dense_rows(records: Sequence[Mapping[str, Any]], coordinate: str) -> list[tuple[Any, ...]]:
    """From the base model on; the best of k takes over where the powers cannot be told any more."""
    powers = [_dense(own, coordinate) for own in records if own.get("k") is None]
    reach = max((row[0] for row in powers if row[4] and known(row[0])), default=0.0)
    best = [_dense(own, coordinate) for own in records if own.get("k") is not None]
    rows = [*powers, *(row for row in best if known(row[0]) and row[0] > reach)]
    bases = [own["accuracy"] - own["gain"] for own in records if known(own.get("accuracy"), own.get("gain"))]
    if bases and not any(row[0] == 0 for row in rows):
        rows.append((0.0, bases[0], bases[0], bases[0], True, 1.0 if coordinate == "alpha" else 0.0))
    return rows


def _dense(own: Mapping[str, Any], coordinate: str) -> tuple[Any, ...]:
    """The interval of the gain is that of the difference to the base model, which knows its own accuracy."""
    base = own["accuracy"] - own["gain"] if known(own.get("accuracy"), own.get("gain")) else None
    ends = [
        min(max(base + own[end], 0.0), 1.0) if base is not None and known(own.get(end)) else None
        for end in ("gain_low", "gain_high")
    ]
    best_of = own.get("k") is not None
    at = np.nan if best_of else np.inf if own.get(coordinate) is None else own[coordinate]
    return own.get("kl"), own.get("accuracy"), *ends, bool(own.get("reliable")), at


def _of_line(own: Mapping[str, Any], coordinate: str) -> tuple[Any, ...]:
    told = bool(own["accuracy_reliable"] and own["kl_reliable"])
    at = np.inf if own[coordinate] is None else own[coordinate]
    return own["kl"], own["accuracy"], own["accuracy_low"], own["accuracy_high"], told, at


def _along(lines: Mapping[str, Sequence[Mapping[str, Any]]], coordinate: str) -> list[Mapping[str, Any]]:
    """null is infinity: the limit ends a line. A power below 1 flattens, and is no sharpening."""
    limits = [record for record in lines.get("limit", ()) if record[coordinate] is None]
    return [own for own in [*lines.get(coordinate, ()), *limits] if own["alpha"] is None or own["alpha"] >= 1]


def run_ends(results: pd.DataFrame, across: str = "kl") -> list[End]:
    """In the order of the arms; one whose KL (or other quantity) nobody measured is left out.

    The error of several seeds is their standard deviation, of one the standard error over prompts.
    """
    found = []
    for arm, rows in results.groupby("arm", sort=False):
        by = {quantity: own for quantity, own in rows.groupby("quantity") if own["run"].notna().all()}
        if not {"accuracy", across} <= set(by):
            continue
        (kl, kl_error), (accuracy, error) = (_mean(by[quantity]) for quantity in (across, "accuracy"))
        found.append(End(str(arm), kl, kl_error, accuracy, error, rows["seed"].nunique()))
    return found


def _mean(own: pd.DataFrame) -> tuple[float, float]:
    error = own["run"].std(ddof=1) if len(own) > 1 else own["run_se"].iloc[0]
    return float(own["run"].mean()), float(error) if known(error) else 0.0


class Finding(NamedTuple):
    """dips: sharpening first goes below the base model, beyond its interval; None: cannot be told. Gains are shares."""

    dips: bool | None
    worst: float
    worst_kl: float
    best: float
    best_kl: float
    reward_ahead: bool | None


def find(curves: Mapping[str, Curve], base: float) -> Finding:
    """What the two lines say where they can be told. The reward's line holds its last value beyond its end."""
    sharpened, reward = curves.get(SHARPENING), curves.get(REWARD)
    if sharpened is None or not sharpened.told.any():
        return Finding(None, np.nan, np.nan, np.nan, np.nan, None)
    kl, accuracy, low, high = (column[sharpened.told] for column in sharpened[:4])
    worst, best = int(np.argmin(accuracy)), int(np.argmax(accuracy))
    up, down = low[best] > base, high[worst] < base
    ahead = None
    if reward is not None and reward.told.any():
        ceiling = np.interp(kl, reward.kl[reward.told], reward.accuracy[reward.told])
        ahead = bool((ceiling >= accuracy - 1e-9).all())
    dips = bool(down) if up or down else None
    return Finding(dips, accuracy[worst] - base, kl[worst], accuracy[best] - base, kl[best], ahead)


def finding(curves: Mapping[str, Curve], base: float) -> str:
    """The sentence over the picture."""
    found = find(curves, base)
    if known(found.best) and found.best_kl == found.worst_kl == 0:
        return "Sharpening leaves this model where it is."
    if found.dips is None:
        return "Whether sharpening helps cannot be told from these samples."
    if found.dips:
        rises = found.best > 0 and found.best_kl > found.worst_kl
        said = f"Sharpening first makes this model worse, by {-100 * found.worst:.1f} points"
        said += f", and better only beyond {_crossing(curves[SHARPENING], base):.2g} nats" if rises else ""
    else:
        said = f"Sharpening makes this model better, by up to {100 * found.best:.1f} points"
    return said + ("; a task reward is ahead at every distance." if found.reward_ahead else ".")


def _crossing(curve: Curve, base: float) -> float:
    """Where the line comes back to the base model's accuracy for the last time."""
    kl, accuracy = curve.kl[curve.told], curve.accuracy[curve.told]
    below = np.flatnonzero(accuracy < base)[-1]
    if below + 1 == len(kl):
        return float(kl[-1])
    return float(np.interp(base, accuracy[below : below + 2], kl[below : below + 2]))


def read(curve: Curve, kl: float, base: float) -> Reading | None:
    """Between its points the line is straight. Beyond its largest distance a reward keeps what it has; None: not told.

    The reward's line is the one that holds b = 0 at its start.
    """
    if not curve.told.any():
        return None
    end = curve.known_to()
    if kl > end and curve.at[0] != 0:
        return None
    told = curve.told

    def at(values: np.ndarray) -> float:
        return float(np.interp(kl, curve.kl[told], values[told]))

    finite = told & np.isfinite(curve.at)
    place = float(np.interp(kl, curve.kl[finite], curve.at[finite])) if finite.any() else np.nan
    gain, low, high = (at(values) - base for values in (curve.accuracy, curve.low, curve.high))
    return Reading(min(kl, end), gain, low, high, place)
