"""python -m figures.published: the README's first picture, from the numbers that are committed in docs.

The pretrained model's lines are those of the forecast that was committed before its runs (docs/real.md). For the two
models that were made, frontier-MODEL.json holds the lines as they are forecast today, from the base responses alone,
drawn again with the study's seed, and results-MODEL.csv every run of the study; what was forecast before those runs is
in the forecast-*.json beside them, and docs/study.md says when.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from harness.command import one_line_errors, parse

if TYPE_CHECKING:
    import pandas as pd

    from figures.study.frontier import Finding


class Published(NamedTuple):
    """A forecast with its two lines, the runs beside it, and which task of theirs where the file holds several."""

    title: str
    forecast: str
    results: str
    task: str = ""


MODELS = {
    "smollm2": Published(
        "A pretrained model, SmolLM2-135M", "real/words-same-forecast.json", "real/same-results.csv", "words"
    ),
    "aligned": Published(
        "A model whose likeliest answers are right",
        "validation/frontier-aligned.json",
        "validation/results-aligned.csv",
    ),
    "misaligned": Published(
        "A model whose likeliest short answer is wrong",
        "validation/frontier-misaligned.json",
        "validation/results-misaligned.csv",
    ),
}
SHOWN = ["tilted-2", "tilted-1", "tilted-0.5", "tempered-1.25", "tempered-2", "tempered-4", "sharpening"]
SHOWN += ["tempered-2-content"]  # what sharpening has where it leaves length alone


@dataclass(frozen=True)
class PublishedConfig:
    """Draw the README's first picture from docs."""

    docs: Path = Path("docs")
    """this project's docs, with real/ and validation/ in it"""
    models: tuple[str, ...] = ("smollm2", "misaligned")
    """a panel each: smollm2, aligned, misaligned"""
    output: Path = Path("docs/frontier.png")
    """the picture; one that is there is replaced"""

    def __post_init__(self) -> None:
        if not self.models:
            raise ValueError(f"--models must name at least one of {', '.join(MODELS)}")
        if unknown := [name for name in self.models if name not in MODELS]:
            raise ValueError(f"--models {unknown[0]} is not one of {', '.join(MODELS)}")


def published_figure(docs: Path, models: Sequence[str]):
    """All on the same axes. ValueError: a file is missing."""
    import pandas as pd

    from figures.llm.arms import looks
    from figures.llm.frontier import Panel, frontier_figure
    from figures.study.arrival import far
    from figures.study.frontier import find, frontier, run_ends
    from harness.run_kind import read_json

    panels, found = [], []
    for own in (MODELS[name] for name in models):
        files = docs / own.forecast, docs / own.results
        for file in files:
            if not file.is_file():
                raise ValueError(f"--docs {docs} has no {file.relative_to(docs)}; name this project's docs")
        content, results = read_json(files[0]), pd.read_csv(files[1])
        results = results[results["arm"].isin(SHOWN)]
        if own.task:
            results = one_row_an_arm(results[results["task"] == own.task])
        curves, base = frontier(content, {}), float(results["base"][results["quantity"] == "accuracy"].iloc[0])
        away = {row.arm: "" for row in results.itertuples() if far(row.kl_to_optimum, row.kl_to_optimum_se)}
        panels.append(Panel(own.title, base, curves, run_ends(results), away))
        found.append(find(curves, base))
    return frontier_figure(panels, looks(dict.fromkeys(SHOWN, "")), headline(found), NOTE)


NOTE = (
    "Lines and bands: the forecast from 64 to 96 base responses a prompt alone, 95 % interval; dashed: they cannot"
    " tell. Marks: where trained runs ended, half full: not yet at the optimum. SmolLM2: 12 prompts, one to three runs,"
    " bars: the gap to the forecast, prompt by prompt (95 %). Others: 96 held-out prompts, three runs, two standard"
    " deviations."
)


def headline(found: Sequence["Finding"]) -> str:
    """What the lines say of two models together, where they can be told."""
    dips, ahead = [own.dips for own in found], all(own.reward_ahead for own in found)
    if dips == [True, True]:
        reward = " A task reward never does, and is ahead at every distance." if ahead else ""
        return "Sharpening first makes both models worse." + reward
    if sorted(map(str, dips)) == ["False", "True"]:
        hurts = "hurts" if found[dips.index(True)].best <= 0 else "first hurts"
        reward = " By the forecast a task reward helps both, and is ahead at every distance." if ahead else ""
        return f"Sharpening helps one model and {hurts} the other, as was forecast from base responses." + reward
    return "The forecast of accuracy against distance, and where the runs ended."


def one_row_an_arm(results: "pd.DataFrame") -> "pd.DataFrame":
    """Means over seeds. Run and forecast are of the same prompts, whose differences cancel: the error is the gap's."""
    paired = results.assign(run_se=(results["miss_high"] - results["miss_low"]) / (2 * 1.96))
    columns = ["base", "run", "run_se", "kl_to_optimum", "kl_to_optimum_se"]
    return paired.groupby(["arm", "quantity"], sort=False)[columns].mean().reset_index().assign(seed=0)


def main(arguments: list[str] | None = None) -> None:
    config = parse(PublishedConfig, "figures.published", arguments)
    with one_line_errors(config):
        from harness.run_folder import write

        canvas = published_figure(config.docs, config.models)
        write(config.output, canvas.savefig)
        print(config.output)


if __name__ == "__main__":
    main()
