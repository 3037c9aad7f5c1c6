"""The study's two questions, answered from its runs.

1. What does sharpening gain against a task reward at equal KL, and does it stay there?
2. Does removing the length bias rescue sharpening?

Gains and differences are those of held-out accuracy, paired by prompt and averaged over seeds, with 95 % intervals
(figures.study.ends); the reward at an equal KL is that of the reward runs (figures.study.equal_kl). What happens on
the way is told by training batches (figures.study.course).
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from figures.study.course import WINDOW, Course, at_step, course, stay
from figures.study.ends import BASE, End, Estimate, ends
from figures.study.equal_kl import reward_at
from figures.study.predictions import (
    Prediction,
    content_alone,
    direction_at_first,
    direction_of_length,
    finding,
    length_covariance,
    points,
    ratio_of_gains,
)
from figures.study.runs import LENGTH_CONTROLLED, Run, Study, by_arm

QUESTIONS = (
    "What does sharpening gain against a task reward at equal KL, and does it stay there?",
    "Does removing the length bias rescue sharpening?",
)


class Answer(NamedTuple):
    """table: a row for each arm that the question is about; empty where the study has none."""

    question: str
    sentences: list[str]
    table: pd.DataFrame


class Evidence(NamedTuple):
    """What both answers are drawn from; arms -> their runs."""

    ended: dict[str, End]
    courses: dict[str, Course]
    sharpened: dict[str, list[Run]]
    controlled: dict[str, list[Run]]
    rewarded: dict[str, list[Run]]

    @property
    def base(self) -> End:
        return self.ended[BASE]

    def reward_at(self, kl: Estimate) -> Estimate:
        return reward_at(kl, self.base, [self.ended[arm] for arm in self.rewarded])

    def spent_more(self, kl: Estimate) -> bool:
        """Beyond the KL of every reward run."""
        return all(kl.value > self.ended[arm].kl.value for arm in self.rewarded)


def answers(study: Study, diagnosis: Sequence[Mapping[str, Any]] = ()) -> list[Answer]:
    """Both answers. diagnosis: findings of a forecast of the same model, where the study's own file has none."""
    evidence = gather(study)
    diagnosis = study.diagnosis or diagnosis
    gained, freed = gains(evidence, study.results), rescues(evidence)
    return [
        Answer(QUESTIONS[0], [*_on_gains(gained, evidence), *_foretold_gains(evidence, diagnosis)], gained),
        Answer(QUESTIONS[1], [*_on_rescues(freed), *_foretold_length(evidence, diagnosis, study)], freed),
    ]


def gather(study: Study) -> Evidence:
    runs = by_arm(study.runs)
    chosen = [
        {arm: own for arm, own in runs.items() if belongs(own[0])}
        for belongs in (
            lambda run: run.is_sharpening,
            lambda run: run.family == LENGTH_CONTROLLED,
            lambda run: run.is_rewarded,
        )
    ]
    needed = [arm for arms in chosen for arm in arms]
    courses = {arm: course(_accuracies(runs[arm])) for arm in needed}
    return Evidence(ends(study.base, {arm: study.rollouts[arm] for arm in needed}), courses, *chosen)


def gains(evidence: Evidence, results: pd.DataFrame) -> pd.DataFrame:
    """A row for each arm that sharpens without a reward: what it gained, what stayed, what a reward has for its KL.

    bound: the most that any policy could gain at that KL [T5], told from base samples by llm.compare; it is a forecast
    where reward_gain was measured, and no less than it but for chance.
    """
    step = _common_step(evidence)
    rows = {}
    for arm, runs in evidence.sharpened.items():
        end, base = evidence.ended[arm], evidence.base.accuracy
        reward = evidence.reward_at(end.kl)
        accuracy, error = at_step(_accuracies(runs), step)
        rows[arm] = {
            "kl": end.kl.value,
            **_named("gain", end.accuracy - base),
            **_named("reward_gain", reward - base),
            **_named("lead", end.accuracy - reward),
            "beyond": evidence.spent_more(end.kl),
            "bound": _bound(results, arm) - base.value,
            **stay(evidence.courses[arm], base.value)._asdict(),
            **{"step": step, "at_step": accuracy, "at_step_se": error},
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def rescues(evidence: Evidence) -> pd.DataFrame:
    """A row for each length-controlled arm: its end less that of plain sharpening, of p, and of a reward at its KL.

    Plain sharpening is the arm with the same alpha; nan where there is none.
    """
    rows = {}
    for arm, runs in evidence.controlled.items():
        end = evidence.ended[arm]
        plain = next((a for a, own in evidence.sharpened.items() if own[0].alpha == runs[0].alpha), None)
        rows[arm] = {
            "plain": plain,
            "accuracy": end.accuracy.value,
            "kl": end.kl.value,
            "length": end.length.value,
            "base_length": evidence.base.length.value,
            "plain_length": evidence.ended[plain].length.value if plain else np.nan,
            **_named("to_plain", end.accuracy - (evidence.ended[plain].accuracy if plain else _unknown(end))),
            **_named("to_base", end.accuracy - evidence.base.accuracy),
            **_named("to_reward", end.accuracy - evidence.reward_at(end.kl)),
            "beyond": evidence.spent_more(end.kl),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def _accuracies(runs: Sequence[Run]) -> list[pd.Series]:
    return [run.metrics().set_index("step")["accuracy"].astype(float) for run in runs]


def _common_step(evidence: Evidence) -> int:
    """The last step that every sharpening and every reward arm reached."""
    return min((int(evidence.courses[arm].step[-1]) for arm in (*evidence.sharpened, *evidence.rewarded)), default=0)


def _bound(results: pd.DataFrame, arm: str) -> float:
    name = "accuracy_of_tilting_at_its_kl"
    return float(results.loc[results["arm"] == arm, name].mean()) if name in results else np.nan


def _unknown(end: End) -> Estimate:
    return Estimate(np.nan, np.full_like(end.accuracy.draws, np.nan))


def _named(name: str, estimate: Estimate) -> dict[str, float]:
    low, high = estimate.interval
    return {name: estimate.value, f"{name}_low": low, f"{name}_high": high}


def _count(table: pd.DataFrame, name: str) -> tuple[int, int, int]:
    """Rows whose interval lies above 0, below 0, and around it."""
    up, down = int((table[f"{name}_low"] > 0).sum()), int((table[f"{name}_high"] < 0).sum())
    return up, down, len(table) - up - down


def _points(row: pd.Series, name: str) -> str:
    return points(row[name], row[f"{name}_low"], row[f"{name}_high"])


def _on_gains(table: pd.DataFrame, evidence: Evidence) -> list[str]:
    if table.empty:
        return ["No finished run sharpens without a reward."]
    up, down, unsure = _count(table, "gain")
    found = [
        f"Of {len(table)} arms that sharpen without a reward, {up} end above the base model in accuracy, {down} below, "
        f"{unsure} cannot be told from it. {_cover(evidence)}"
    ]
    if evidence.rewarded:
        ahead, behind, _ = _count(table, "lead")
        best = table.loc[table["gain"].idxmax()]
        found.append(
            f"At equal KL: {ahead} of {len(table)} gain more than the runs with a task reward, {behind} less. The "
            f"best, {best.name}, gains {_points(best, 'gain')} points with {best['kl']:.2f} nats; the reward runs "
            f"{_points(best, 'reward_gain')}, a difference of {_points(best, 'lead')}."
        )
        if table["beyond"].any():
            beyond = ", ".join(table.index[table["beyond"]])
            found.append(
                f"{beyond}: beyond the KL of every reward run; the largest accuracy of these stands, more KL is not "
                "needed for it."
            )
    else:
        found.append("No finished run has a task reward, so that there is nothing to compare with at equal KL.")
    found.append(
        f"On the way, windows of {WINDOW} steps of training batches; the base model has "
        f"{evidence.base.accuracy.value:.3f} on the held-out prompts:"
    )
    found += [
        f"{arm}: {_course(row)} (held-out prompts {evidence.ended[arm].accuracy.value:.3f})."
        for arm, row in table.iterrows()
    ]
    if evidence.rewarded:
        step = int(table["step"].iloc[0])
        rewarded = {arm: at_step(_accuracies(runs), step)[0] for arm, runs in evidence.rewarded.items()}
        found.append(
            f"At equal steps ({step}, training batches): "
            f"{', '.join(f'{arm} {row.at_step:.3f} ± {row.at_step_se:.3f}' for arm, row in table.iterrows())}; with a "
            f"task reward {', '.join(f'{arm} {accuracy:.3f}' for arm, accuracy in rewarded.items())}."
        )
    return found


def _cover(evidence: Evidence) -> str:
    """What the intervals cover, and what they do not."""
    seeds = {arm: len(runs) for arm, runs in {**evidence.sharpened, **evidence.rewarded}.items()}
    alone = [arm for arm, n in seeds.items() if n == 1]
    if not alone:
        return "The 95 % intervals are over prompts and seeds."
    some = "" if len(alone) == len(seeds) else f" of {', '.join(alone)}"
    return f"The 95 % intervals are over prompts; one seed{some}, so that they do not cover what another seed would do."


def _course(row: pd.Series) -> str:
    """Min, max and end of one run in words, as its windows tell them."""
    end = f"{row['end']:.3f} ± {row['end_se']:.3f} at the end"
    first = f"falls first, to {row['lowest']:.3f} (step {row['lowest_step']}), then rises; " if row["dipped"] else ""
    if not row["rose"]:
        whole = "" if row["dipped"] else f"lowest {row['lowest']:.3f} (step {row['lowest_step']}), "
        return f"{first}{whole}never above the base model beyond chance, {end}"
    highest = f"highest {row['highest']:.3f} (step {row['highest_step']}), {end}"
    back = f"{100 * row['back']:.1f} ± {100 * row['back_se']:.1f} points"
    if row["fell_back"]:
        return f"{first}{highest}: it fell back by {back}"
    return f"{first}{highest}: it rose and stayed, {back} below its highest"


def _on_rescues(table: pd.DataFrame) -> list[str]:
    if table.empty:
        return ["No finished run controls length."]
    named = {"to_plain": "plain sharpening", "to_base": "the base model", "to_reward": "the reward runs at their KL"}
    known = {name: table.dropna(subset=[name]) for name in named}
    parts = [
        f"than {what} {_count(known[name], name)[0]} (less accurate: {_count(known[name], name)[1]})"
        for name, what in named.items()
        if len(known[name])
    ]
    found = [f"Of {len(table)} arms without the length bias, more accurate beyond the interval {', '.join(parts)}."]
    for arm, row in table.iterrows():
        text = (
            f"{arm}: accuracy {row['accuracy']:.3f} with {row['kl']:.2f} nats, length {row['length']:.1f} (base "
            f"{row['base_length']:.1f}"
        )
        if row["plain"]:
            text += (
                f", {row['plain']} {row['plain_length']:.1f}); {_points(row, 'to_plain')} points to {row['plain']}, "
            )
        else:
            text += "); no plain arm has its α; "
        text += f"{_points(row, 'to_base')} to the base model"
        if np.isfinite(row["to_reward"]):
            text += f", {_points(row, 'to_reward')} to the reward runs at its KL"
            text += " (it is beyond theirs: their largest accuracy)" if row["beyond"] else ""
        found.append(text + ".")
    return found


def _foretold_gains(evidence: Evidence, diagnosis: Sequence[Mapping[str, Any]]) -> list[str]:
    slope, ratio = (finding(diagnosis, name) for name in ("diversity_gap", "efficiency"))
    if not evidence.sharpened or (slope is None and ratio is None):
        return []
    courses = {arm: evidence.courses[arm] for arm in evidence.sharpened}
    found = [
        slope and direction_at_first(slope, courses, evidence.base.accuracy.value),
        ratio and ratio_of_gains(ratio, evidence.ended, list(evidence.sharpened), list(evidence.rewarded)),
    ]
    return _sentences(found)


def _foretold_length(evidence: Evidence, diagnosis: Sequence[Mapping[str, Any]], study: Study) -> list[str]:
    if not evidence.controlled:
        return []
    content = finding(diagnosis, "content_covariance")
    found = [
        direction_of_length(length_covariance(study.base), evidence.ended, list(evidence.sharpened)),
        content and content_alone(content, evidence.ended, evidence.controlled),
    ]
    return _sentences(found)


def _sentences(found: Sequence[Prediction | None]) -> list[str]:
    return [f"Foretold, {prediction.sentence}" for prediction in found if prediction]
