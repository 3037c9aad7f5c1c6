"""The page of text of a forecast: the verdict, three numbers, one short table, and how far the samples reach."""

import textwrap
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from harness.text_table import table
from llm.forecasting.settled import NEAR, Settled
from llm.wording import UNKNOWN, number
from theory.estimation.at_distance import CurvePoint
from theory.estimation.records import Estimate, Forecast
from theory.estimation.verdict import Reason, Word

WIDTH = 80  # of every page: it is read in terminals, files and mails
MOST_ROWS = 8
REWARDS = 3  # of them
HINT = "--why: the reasons   --table: every power   --prompt ID: its responses"


class Row(NamedTuple):
    """A line of the short table; nan for what is not known."""

    name: str
    accuracy: float
    gain: Estimate | None
    length: float
    kl: float
    told: str


def short_page(
    settled: Settled, sentence: str, command: Sequence[str], told: str, rows: Sequence[Row], about: Sequence[str]
) -> str:
    """command: what would settle it; told: what is known where the verdict cannot tell; about: of the samples."""
    parts = [first_line(settled.verdict.word, sentence), *indented(command), ""]
    if settled.verdict.word == Word.CANNOT_TELL:
        parts += [_wrapped(told), ""]
    if settled.verdict.looks:
        parts += [*three_numbers(settled), ""]
    if any(row.told == "yes" for row in rows[1:]):
        parts += [short_table(rows), ""]
    parts += [_wrapped(" ".join(about)), HINT]
    return "\n".join(parts) + "\n"


def first_line(word: str, sentence: str) -> str:
    start = f" {word}   "
    return textwrap.fill(sentence, WIDTH, initial_indent=start, subsequent_indent=" " * len(start))


def indented(commands: Sequence[str]) -> list[str]:
    """Never wrapped: they are there to be copied."""
    return [f"   {command}" for command in commands]


def _wrapped(text: str) -> str:
    return textwrap.fill(text, WIDTH)


def three_numbers(settled: Settled) -> list[str]:
    """A little sharpening, sharpening where it is best (or as far as can be told), and a task reward as far away."""
    numbers = [_number(settled.direction, f"a little sharpening ({NEAR:g} nats) {_moved(settled.direction)}")]
    at, point = settled.distances[-1], settled.shown
    if point is not None:
        gains = settled.verdict.best is not None and settled.verdict.best.gain.low > 0
        told = "" if gains else ", as far as can be told"
        numbers.append(_number(point.gain, f"sharpening to {place_of(point)}, {point.kl:.2f} nats away{told}"))
    return [*numbers, _number(at.reward, f"a task reward, {at.reward_needed_kl:.2f} nats away")]


def _moved(gain: Estimate) -> str:
    if not gain.reliable:
        return "cannot be told"
    if gain.high < 0:
        return "is worse than none"
    return "helps" if gain.low > 0 else "changes nothing that can be seen"


def _number(gain: Estimate, said: str) -> str:
    if not gain.reliable:
        return _hanging(f"{UNKNOWN:>5}", said)
    ends = f"[{number(100 * gain.low, 1)}, {number(100 * gain.high, 1)}]"
    return _hanging(f"{number(100 * gain.value, 1, '+'):>5} points  {ends:<14}", said)


def _hanging(start: str, said: str) -> str:
    start = f"{start:<31}"
    return textwrap.fill(said, WIDTH, initial_indent=start, subsequent_indent=" " * len(start))


def place_of(point: CurvePoint) -> str:
    """How a point is named: α = 2, or the likeliest of 4."""
    return f"the likeliest of {point.k}" if point.k is not None else f"α = {point.alpha:.3g}"


def short_table(rows: Sequence[Row]) -> str:
    header = ("", "accuracy", "to base  ", "length", "KL", "can tell?")
    return table(header, [_cells(row) for row in rows], WIDTH, left=(0, 5))


def _cells(row: Row) -> tuple[str, ...]:
    gain = row.gain
    if gain is None:
        to_base = ""
    elif row.told != "yes":
        to_base = f"{UNKNOWN}  "
    else:
        mark = "▼" if gain.high < 0 else "▲" if gain.low > 0 else "·"
        to_base = f"{number(100 * gain.value, 1, '+')} {mark}"
    accuracy = number(100 * row.accuracy, 1)
    shown = accuracy if accuracy == UNKNOWN else f"{accuracy} %"
    kl = number(row.kl, 2) if row.kl else "0"
    return row.name, shown, to_base, number(row.length, 1), kl, row.told


def short_rows(settled: Settled, alphas: Sequence[Forecast], bs: Sequence[Forecast], points: Sequence[Forecast]):
    """The base model, what was asked for by name, some of sharpening and some of a reward: at most MOST_ROWS."""
    base = next(record for record in alphas if record.target.alpha == 1)
    chosen = [_row(record, named(record)) for record in points[: MOST_ROWS - 4]]
    left = MOST_ROWS - 1 - len(chosen)
    rewards = [record for record in bs if record.target.b > 0]
    sharpened = [record for record in alphas if record.target.alpha > 1]
    of_reward = [_row(record, named(record)) for record in _some(rewards, min(REWARDS, left - 1))]
    of_sharpening = _sharpening_rows(settled, sharpened, left - len(of_reward))
    first = Row("base model", base["accuracy"].value, None, base["length"].value, 0.0, "")
    return [first, *of_sharpening, *of_reward, *chosen]


def _sharpening_rows(settled: Settled, records: Sequence[Forecast], most: int) -> list[Row]:
    """Powers that were asked for; where fewer than two of them can be told, points of the curve in their place."""
    if sum(record["gain"].reliable for record in records) >= 2 or not settled.verdict.looks:
        return [_row(record, named(record)) for record in _some(records, most)]
    told = [point for point in settled.judged if point.gain.reliable]
    near = [min(told, key=lambda point: abs(point.kl - kl)) for kl in (NEAR, told[-1].kl)]
    rows = [_point_row(settled, point) for point in dict.fromkeys(near)]
    return [*rows, *(_row(record, named(record)) for record in _some(records, most - len(rows)))][:most]


def _some(records: Sequence[Forecast], most: int) -> list[Forecast]:
    """The first, the last that can be told, what lies evenly between, and the first that cannot."""
    known = [record for record in records if record["gain"].reliable]
    unknown = [record for record in records if not record["gain"].reliable]
    kept = unknown[:1] if most > 1 or not known else []
    room = max(most - len(kept), 0)
    if len(known) > room:
        last = len(known) - 1
        known = [known[round(place * last / max(room - 1, 1))] for place in range(room)]
    return sorted([*known, *kept], key=lambda record: (record.target.alpha, record.target.b))[: max(most, 0)]


def named(record: Forecast) -> str:
    target = record.target
    sharpened = f"α = {target.alpha:g}" if target.alpha != 1 else ""
    rewarded = f"β = {1 / target.b:g}" if target.b else ""
    kappa = f", κ = {target.kappa:g}" if target.kappa else ""
    if sharpened and rewarded:
        return f"both, {sharpened}, {rewarded}{kappa}"
    if rewarded:
        return f"reward {rewarded if np.isfinite(target.b) else 'alone'}{kappa}"
    return f"sharpen {sharpened}{kappa}" if sharpened else f"base model{kappa}"


def _row(record: Forecast, name: str) -> Row:
    gain, length = record["gain"], record["length"]
    if not gain.reliable:
        return Row(name, float("nan"), gain, float("nan"), float("nan"), f"no: {why_not(gain.doubts)}")
    kl = record["kl"].value if record["kl"].reliable else float("nan")
    return Row(name, record["accuracy"].value, gain, length.value if length.reliable else float("nan"), kl, "yes")


def _point_row(settled: Settled, point: CurvePoint) -> Row:
    nan = float("nan")
    name = f"best of {point.k}" if point.k is not None else f"sharpen {place_of(point)}"
    return Row(name, settled.base.accuracy + point.gain.value, point.gain, nan, point.kl, "yes")


def why_not(doubts: Sequence[str]) -> str:
    """Doubts in a few words."""
    said = " ".join(doubts)
    if "prompts" in said and ("fewer than" in said) and "effective" not in said:
        return "too few prompts"
    return "right answers unseen" if "never sampled" in said else "too few samples"


def about_samples(facts: dict[str, Any], settled: Settled) -> list[str]:
    """What the numbers rest on."""
    samples = f"{facts['fewest_samples']}"
    if facts["most_samples"] != facts["fewest_samples"]:
        samples += f" to {facts['most_samples']}"
    said = [
        f"{facts['prompts']} prompt{'s' if facts['prompts'] > 1 else ''} × {samples} base samples; 95 % intervals over "
        "prompts; each line is the optimum of its objective on these prompts: a run may stop short of it."
    ]
    if settled.verdict.reason not in (Reason.FLAT, Reason.FEW_PROMPTS) and settled.reach:
        said.append(f"Along sharpening these samples can tell as far as {settled.reach:.2f} nats.")
    if facts["unfinished"]:
        said.append(
            f"{facts['unfinished']} of {facts['rows']} responses are unfinished: they count as wrong, do not vote, and "
            "their log p lacks an end."
        )
    return said
