"""The study's two questions, answered in sentences from the numbers of figures.study.questions."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from figures.study.arrival import listed
from figures.study.course import WINDOW, at_step
from figures.study.predictions import (
    Foretold,
    content_alone,
    direction_at_first,
    direction_of_length,
    length_covariance,
    measured,
    ratio_of_gains,
)
from figures.study.questions import Evidence, accuracies, gains, gather, rescues
from figures.study.runs import Study
from figures.study.words import known, number, points, with_error

QUESTIONS = (
    "What does sharpening gain against a task reward at equal KL, and does it stay there?",
    "Does removing the length bias rescue sharpening?",
)


class Answer(NamedTuple):
    """table: a row for each arm that the question is about; empty where the study has none."""

    question: str
    sentences: list[str]
    table: pd.DataFrame


def answers(study: Study, diagnosis: Sequence[Mapping[str, Any]] = ()) -> list[Answer]:
    """Both answers. diagnosis: that of a forecast of the same model, where the study's own file has none."""
    evidence, diagnosis = gather(study), study.diagnosis or diagnosis
    gained, freed = gains(evidence, study.results), rescues(evidence)

    def on_gains(table: pd.DataFrame, evidence: Evidence) -> list[str]:
        return _on_gains(table, evidence, diagnosis)

    def on_rescues(table: pd.DataFrame, evidence: Evidence) -> list[str]:
        return _on_rescues(table, evidence, diagnosis, study.base)

    return [
        Answer(QUESTIONS[0], _judged(gained, evidence, on_gains), gained),
        Answer(QUESTIONS[1], _judged(freed, evidence, on_rescues), freed),
    ]


def _judged(table: pd.DataFrame, evidence: Evidence, told: Callable[[pd.DataFrame, Evidence], list[str]]) -> list[str]:
    """What is told of the arms that have arrived, and which have not; no verdict where none has."""
    if table.empty:
        return told(table, evidence)
    arrived, waiting = table[table["arrived"]], listed(evidence.waiting, table.index)
    if arrived.empty:
        return [f"These runs have not arrived, and give no verdict: {waiting}."]
    first = [f"Not arrived, and not counted here: {waiting}."] if waiting else []
    return first + told(arrived, evidence.arrived)


def _count(table: pd.DataFrame, name: str) -> tuple[int, int, int]:
    """Rows whose interval lies above 0, below 0, and around it."""
    up, down = int((table[f"{name}_low"] > 0).sum()), int((table[f"{name}_high"] < 0).sum())
    return up, down, len(table) - up - down


def _points(row: pd.Series, name: str) -> str:
    return points(row[name], row[f"{name}_low"], row[f"{name}_high"])


def _on_gains(table: pd.DataFrame, evidence: Evidence, diagnosis: Sequence[Mapping[str, Any]]) -> list[str]:
    if table.empty:
        return ["No finished run sharpens without a reward."]
    up, down, unsure = _count(table, "gain")
    return [
        f"Of {len(table)} arms that sharpen without a reward, {up} end above the base model in accuracy, {down} below, "
        f"{unsure} cannot be told from it. {_cover(evidence)}",
        *_at_equal_kl(table, evidence),
        f"On the way, windows of {WINDOW} steps of training batches; the base model has "
        f"{evidence.base.accuracy.value:.3f} on the held-out prompts:",
        *(
            f"{arm}: {_course(row)} (held-out prompts {evidence.ended[arm].accuracy.value:.3f})."
            for arm, row in table.iterrows()
        ),
        *_at_equal_steps(table, evidence),
        *_foretold_gains(evidence, diagnosis),
    ]


def _at_equal_kl(table: pd.DataFrame, evidence: Evidence) -> list[str]:
    if not evidence.rewarded:
        return ["No finished run has a task reward, so that there is nothing to compare with at equal KL."]
    ahead, behind, _ = _count(table, "lead")
    best = table.loc[table["gain"].idxmax()]
    found = [
        f"At equal KL: {ahead} of {len(table)} gain more than the runs with a task reward, {behind} less. The "
        f"best, {best.name}, gains {_points(best, 'gain')} points with {number(best['kl'], '.2f')} nats; the reward "
        f"runs {_points(best, 'reward_gain')}, a difference of {_points(best, 'lead')}."
    ]
    if table["beyond"].any():
        beyond = ", ".join(table.index[table["beyond"]])
        found.append(
            f"{beyond}: beyond the KL of every reward run; the largest accuracy of these stands, more KL is not "
            "needed for it."
        )
    if waiting := listed(evidence.waiting, list(evidence.rewarded)):
        found.append(f"Reward runs on their way: {waiting}. What they have at their KL stands: a reward can have it.")
    return found


def _at_equal_steps(table: pd.DataFrame, evidence: Evidence) -> list[str]:
    if not evidence.rewarded:
        return []
    step = int(table["step"].iloc[0])
    sharpened = (f"{arm} {with_error(row['at_step'], row['at_step_se'])}" for arm, row in table.iterrows())
    rewarded = (f"{arm} {number(at_step(accuracies(own), step)[0])}" for arm, own in evidence.rewarded.items())
    return [
        f"At equal steps ({step}, training batches): {', '.join(sharpened)}; with a task reward {', '.join(rewarded)}."
    ]


def _cover(evidence: Evidence) -> str:
    """What the intervals cover, and what they do not."""
    if evidence.base.accuracy.prompts < 2:
        return "With a single prompt there is no interval."
    seeds = {arm: len(runs) for arm, runs in {**evidence.sharpened, **evidence.rewarded}.items()}
    alone = [arm for arm, n in seeds.items() if n == 1]
    if not alone:
        return "The 95 % intervals are over prompts and seeds."
    some = "" if len(alone) == len(seeds) else f" of {', '.join(alone)}"
    return f"The 95 % intervals are over prompts; one seed{some}, so that they do not cover what another seed would do."


def _course(row: pd.Series) -> str:
    """Min, max and end of one run in words, as its windows tell them."""
    end = f"{with_error(row['end'], row['end_se'])} at the end"
    first = f"falls first, to {row['lowest']:.3f} (step {row['lowest_step']}), then rises; " if row["dipped"] else ""
    if not row["rose"]:
        whole = "" if row["dipped"] else f"lowest {row['lowest']:.3f} (step {row['lowest_step']}), "
        return f"{first}{whole}never above the base model beyond chance, {end}"
    highest = f"highest {row['highest']:.3f} (step {row['highest_step']}), {end}"
    back = f"{with_error(100 * row['back'], 100 * row['back_se'], '.1f')} points"
    if row["fell_back"]:
        return f"{first}{highest}: it fell back by {back}"
    return f"{first}{highest}: it rose and stayed, {back} below its highest"


def _on_rescues(
    table: pd.DataFrame, evidence: Evidence, diagnosis: Sequence[Mapping[str, Any]], base: Path
) -> list[str]:
    if table.empty:
        return ["No finished run controls length."]
    named = {"to_plain": "plain sharpening", "to_base": "the base model", "to_reward": "the reward runs at their KL"}
    told = {name: table.dropna(subset=[name]) for name in named}
    parts = [
        f"than {what} {_count(told[name], name)[0]} (less accurate: {_count(told[name], name)[1]})"
        for name, what in named.items()
        if len(told[name])
    ]
    return [
        f"Of {len(table)} arms without the length bias, more accurate beyond the interval {', '.join(parts)}.",
        *(_on_rescue(arm, row) for arm, row in table.iterrows()),
        *_foretold_length(evidence, diagnosis, base),
    ]


def _on_rescue(arm: str, row: pd.Series) -> str:
    text = (
        f"{arm}: accuracy {row['accuracy']:.3f} with {number(row['kl'], '.2f')} nats, length {row['length']:.1f} "
        f"(base {row['base_length']:.1f}"
    )
    if row["plain"]:
        text += f", {row['plain']} {row['plain_length']:.1f}); {_points(row, 'to_plain')} points to {row['plain']}, "
    else:
        text += "); no plain arm has its α; "
    text += f"{_points(row, 'to_base')} to the base model"
    if known(row["to_reward"]):
        text += f", {_points(row, 'to_reward')} to the reward runs at its KL"
        text += " (it is beyond theirs: their largest accuracy)" if row["beyond"] else ""
    return text + "."


def _foretold_gains(evidence: Evidence, diagnosis: Sequence[Mapping[str, Any]]) -> list[str]:
    slope, ratio = (measured(diagnosis, name) for name in ("diversity_gap", "efficiency"))
    courses = {arm: evidence.courses[arm] for arm in evidence.sharpened}
    found = [
        slope and direction_at_first(slope, courses, evidence.base.accuracy.value),
        ratio and ratio_of_gains(ratio, evidence.ended, list(evidence.sharpened), list(evidence.rewarded)),
    ]
    return _sentences(found)


def _foretold_length(evidence: Evidence, diagnosis: Sequence[Mapping[str, Any]], base: Path) -> list[str]:
    content = measured(diagnosis, "content_covariance")
    found = [
        direction_of_length(length_covariance(base), evidence.ended, list(evidence.sharpened)),
        content and content_alone(content, evidence.ended, evidence.controlled),
    ]
    return _sentences(found)


def _sentences(found: Sequence[Foretold | None]) -> list[str]:
    return [f"Foretold, {own.sentence}" for own in found if own]
