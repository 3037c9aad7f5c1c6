"""Prompt by prompt: what sharpening does to each, and its responses when it is opened."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from figures.llm.arms import spoken
from figures.page.lead import FAR, NEAR, Model
from figures.page.markup import Share, element, table, text
from figures.study.by_prompt import HELPED, HURT, SAME, Prompt, by_prompt
from figures.study.frontier import SHARPENING, read
from figures.study.words import known, number

POWERS = (1.5, 4.0)  # where the forecast does not say which power lies at a distance
TOGETHER, NARROW = "\N{NO-BREAK SPACE}", "\N{NARROW NO-BREAK SPACE}"
WORDS = {HURT: "▼ hurts", HELPED: "▲ helps", SAME: "· no clear change"}


def powers_of(model: Model) -> tuple[float, float]:
    """α at the two distances of the cards, to two digits."""
    curve, base = model.panel.curves.get(SHARPENING), model.panel.base
    found = [read(curve, kl, base) for kl in (NEAR, FAR)] if curve is not None else [None, None]
    near, far = (
        round(own.at, 2) if own is not None and known(own.at) and own.at > 1 else power
        for own, power in zip(found, POWERS, strict=True)
    )
    return near, max(far, near)


def samples_of(model: Model) -> Path | None:
    """The base rollouts, where they still lie; a folder holds rollouts.parquet."""
    paths = [model.study.base] if model.study else []
    if model.forecast and model.forecast.rollouts:
        paths += [model.forecast.rollouts, model.forecast.rollouts / "rollouts.parquet"]
    return next((path for path in paths if path.is_file() and path.suffix == ".parquet"), None)


def prompts(model: Model) -> str:
    """Nothing where there are no samples with text and log p."""
    place, powers = samples_of(model), powers_of(model)
    found = by_prompt(place, model.study.rollouts if model.study else {}, powers) if place else []
    if not found:
        return ""
    counts = {kind: sum(prompt.direction == kind for prompt in found) for kind in (HURT, HELPED, SAME)}
    title = f"Prompt by prompt: a little sharpening hurts {counts[HURT]} of {len(found)}, helps {counts[HELPED]}"
    note = "Open a prompt for its responses. Hurt or helped: by more than two standard errors of its own samples"
    if SHARPENING in model.panel.curves:
        note += f"; α = {powers[0]:g} and {powers[1]:g} are {NEAR:g} and {FAR:g} nats from the base model"
    return element(
        "section",
        element("h2", text(title)),
        element("p", text(f"{note}."), class_="note"),
        _filters({"all": len(found), **counts}),
        *(_prompt(prompt, powers) for prompt in found),
        class_="prompts",
    )


def _filters(counts: Mapping[str, int]) -> str:
    buttons = []
    for kind, count in counts.items():
        said = f"{'no clear change' if kind == SAME else kind} {count}"
        look = {"type": "button", "data_show": kind, "aria_pressed": "true" if kind == "all" else "false"}
        buttons += [element("button", text(said), **look)] if count else []
    return element("div", *buttons, class_="filters", role="group", aria_label="which prompts are shown")


def _prompt(prompt: Prompt, powers: Sequence[float]) -> str:
    names = ["base", *(f"α = {alpha:g}" for alpha in powers)]
    shares = (
        element(
            "span",
            element("small", text(name.replace(" ", NARROW))),
            " ",
            text(f"{100 * share:.0f}{NARROW}%"),
            class_="share",
        )
        for name, share in zip(names, prompt.accuracies, strict=True)
    )
    head = element(
        "summary",
        element("code", text(prompt.text)),
        *shares,
        element("span", text(WORDS[prompt.direction]), class_=f"way {prompt.direction}"),
    )
    ways = f"Right in {prompt.right} ways, wrong in {prompt.wrong}."
    shown = len(prompt.responses)
    if shown < prompt.right + prompt.wrong:
        ways += f" The {shown} with the largest share of {prompt.right + prompt.wrong}."
    body = [element("p", text(ways)), _responses(prompt, powers)]
    if prompt.runs:
        body += [element("p", "What the runs answer most often:"), _runs(prompt)]
    return element("details", head, *body, class_="prompt", data_way=prompt.direction)


def _responses(prompt: Prompt, powers: Sequence[float]) -> str:
    columns = ["response", "graded", "tokens", "log p", "drawn", *(f"share at α = {alpha:g}" for alpha in powers)]
    rows = []
    for own in prompt.responses:
        drawn, tokens = f"{own.drawn}/{prompt.samples}", str(own.tokens) if own.tokens else ""
        shares = [Share(share) for share in own.shares]
        rows.append([own.text, _graded(own.reward), tokens, number(own.log_p, ".2f"), drawn, *shares])
    return table(columns, rows)


def _runs(prompt: Prompt) -> str:
    rows = (
        [spoken(own.arm), f"{100 * own.accuracy:.0f} %", own.text, _graded(own.reward), f"{own.drawn}/{own.samples}"]
        for own in prompt.runs
    )
    return table(["arm", "accuracy here", "its likeliest response", "graded", "drawn"], rows)


def _graded(reward: float) -> str:
    return f"✓{TOGETHER}right" if reward == 1 else f"✗{TOGETHER}wrong" if reward == 0 else f"{reward:.2f}"
