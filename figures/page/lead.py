"""The top of the page for one model: the verdict, three numbers, the frontier, why, and what the samples tell."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from figures.llm.arms import looks
from figures.llm.frontier import Panel
from figures.page.markup import element, text
from figures.page.picture import picture
from figures.study.arrival import not_arrived
from figures.study.forecasts import ForecastFolder
from figures.study.frontier import REWARD, SHARPENING, Curve, finding, frontier, read, run_ends
from figures.study.runs import Study
from figures.study.words import known

NEAR, FAR = 0.2, 0.6  # nats: the distances at which the numbers are read
REASONS = ("covariance", "content_covariance", "diversity_gap")  # of the diagnosis, in the order they are told
MOST_REASONS = 5  # beside the picture; all of them are folded below
TITLE = "Sharpening or a task reward"


class Model(NamedTuple):
    """What is known of one model: a study of runs, a forecast, or both, with the picture that they make."""

    study: Study | None
    forecast: ForecastFolder | None
    panel: Panel

    @property
    def told(self) -> Mapping[str, Any]:
        """The forecast.json that speaks of it."""
        return self.forecast.content if self.forecast else self.study.told if self.study else {}

    @property
    def diagnosis(self) -> Sequence[Mapping[str, Any]]:
        return self.told.get("diagnosis") or ()


def model_of(study: Study | None, forecast: ForecastFolder | None) -> Model:
    told = forecast.content if forecast else study.told if study else {}
    curves = frontier(told, forecast.lines if forecast else {})
    base = study.base_accuracy if study else float(told["rollouts"]["accuracy"])
    name = (study.model if study else forecast.model if forecast else None) or "the model"
    waiting = not_arrived(study) if study else {}
    return Model(study, forecast, Panel(name, base, curves, run_ends(study.results) if study else [], waiting))


def verdict_of(model: Model) -> tuple[str, str, list[str]]:
    """(word, sentence, more sentences). An older forecast has sentences alone; without any the picture says it."""
    verdict = model.told.get("verdict")
    if isinstance(verdict, Mapping):
        more = [*(verdict.get("sentences") or ()), *(verdict.get("advice") or ())]
        return str(verdict.get("word") or ""), str(verdict.get("sentence") or ""), [str(own) for own in more]
    said = finding(model.panel.curves, model.panel.base) if model.panel.curves else "What the runs say"
    return "", said, [str(sentence) for sentence in verdict or ()]


def lead(model: Model, level: str, meta: str) -> str:
    """level: h1 or h2."""
    word, sentence, more = verdict_of(model)
    badge = element("strong", text(word), class_=f"word {word.lower().replace(' ', '-')}") + " " if word else ""
    pieces = [element("p", text(meta), class_="meta"), element(level, badge, text(sentence), class_="verdict")]
    look = looks(model.study.families) if model.study else {}
    drawing = picture(model.panel, look, _alt(model))
    caption = element("figcaption", text(_caption(model))) if drawing else ""
    shown = element("figure", drawing, caption, class_="picture") if drawing else ""
    why = element("div", *_why(model, more), *_can_tell(model), class_="why")
    return "".join(pieces) + element("div", shown, _cards(model), why, class_="lead")


def _alt(model: Model) -> str:
    """What is drawn, for who cannot see it; the caption says what it means."""
    panel = model.panel
    said = f"Accuracy against distance from the base model, which has {100 * panel.base:.0f} %."
    for name, words in ((REWARD, "A task reward"), (SHARPENING, "Sharpening")):
        if (curve := panel.curves.get(name)) is not None and curve.told.any():
            kl, accuracy = curve.kl[curve.told], curve.accuracy[curve.told]
            said += f" {words}: from {100 * accuracy[0]:.0f} % to {100 * accuracy[-1]:.0f} % at {kl[-1]:.2f} nats"
            said += f", lowest {100 * accuracy.min():.0f} %." if name == SHARPENING else "."
    return said + (f" {len(panel.ends)} marks of runs." if panel.ends else "")


def _caption(model: Model) -> str:
    panel = model.panel
    said = "Lines: forecast from base samples with its 95 % band, made before training; dashed: they cannot tell."
    if panel.ends:
        there = sum(end.arm not in panel.waiting for end in panel.ends)
        said += f" Marks: trained runs, two errors each way; {there} of {len(panel.ends)} arms have arrived"
        said += "." if there == len(panel.ends) else ", the others are faded."
    return said


def _cards(model: Model) -> str:
    """Two distances of sharpening and one of a reward: the same for all models, so that no best point is picked."""
    asked = (
        (SHARPENING, NEAR, "a little sharpening"),
        (SHARPENING, FAR, "more sharpening"),
        (REWARD, NEAR, "a task reward"),
    )
    curves = model.panel.curves
    cards = [_card(name, curves[name], model.panel.base, kl, words) for name, kl, words in asked if name in curves]
    return element("ul", *cards, class_="cards") if cards else ""


def _card(name: str, curve: Curve, base: float, kl: float, words: str) -> str:
    found, kind = read(curve, kl, base), f"card {name}"
    if found is None:
        reach = f"they reach {curve.known_to():.2f} nats" if curve.told.any() else "they tell nothing of this line"
        said = ("cannot tell", f"{words}, {kl:g} nats away", reach)
    else:
        ends = (100 * found.low, 100 * found.high)
        sure = f"95 %: {_signed(ends[0])} to {_signed(ends[1])}" if known(*ends) else "no interval"
        said = (
            f"{_signed(100 * found.gain)} points",
            f"{words}, {found.kl:.2g} nats away{_parameter(name, found.at, ', ')}",
            f"{sure}, where training arrives",
        )
    big, line, small = (text(own) for own in said)
    return element("li", element("b", big), element("span", line), element("small", small), class_=kind)


def _signed(points: float) -> str:
    return f"{points:+.1f}".replace("-", "\N{MINUS SIGN}")


def _parameter(name: str, at: float, before: str = "") -> str:
    """α or β of a place on a line; nothing where it has none."""
    if not known(at) or at <= 0:
        return ""
    return (
        f"{before}α\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{at:.3g}"
        if name == SHARPENING
        else f"{before}β\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{1 / at:.2g}"
    )


def _why(model: Model, more: Sequence[str]) -> list[str]:
    by = {own["name"]: str(own["sentence"]) for own in model.diagnosis}
    reasons = [*more, *(by[name] for name in REASONS if by.get(name))]
    return [element("h2", "Why"), *(element("p", text(reason)) for reason in reasons[:MOST_REASONS])] if reasons else []


def _can_tell(model: Model) -> list[str]:
    """How far each line can be told, in its own parameter."""
    said = []
    for name, words in ((SHARPENING, "Sharpening"), (REWARD, "A task reward")):
        curve = model.panel.curves.get(name)
        if curve is None:
            continue
        if not curve.told.any():
            said.append(f"{words}: nothing.")
            continue
        finite = curve.told & np.isfinite(curve.at) & (curve.kl <= curve.known_to())
        end = _parameter(name, float(curve.at[finite].max())) if finite.any() else ""
        way = "down to" if name == REWARD else "up to"
        said.append(f"{words}: {f'{way} {end}, ' if end else 'up to '}{curve.known_to():.2f} nats from the base model.")
    doubts = _doubts(model)
    if doubts:
        said.append(f"Beyond it: {doubts}.")
    return [element("h2", "Can these samples tell?"), element("p", text(" ".join(said)))] if said else []


def _doubts(model: Model) -> str:
    dense = bool(model.told.get("frontier"))  # it reaches farther than the line of the powers that were asked for
    lines = model.forecast.lines if model.forecast and not dense else {}
    unsure = [own for own in lines.get("alpha", ()) if own["alpha"] > 1 and not own["reliable"] and own.get("doubts")]
    return str(unsure[0]["doubts"][0]) if unsure else ""
