"""python -m figures.published: the README's first picture, from the numbers that are committed in docs/validation.

frontier-MODEL.json holds the two lines of the forecast as it is made today, from the base responses alone, drawn again
with the study's seed; results-MODEL.csv every run of the study. What was forecast before those runs is in the
forecast-*.json beside them; docs/study.md says when.
"""

from dataclasses import dataclass
from pathlib import Path

from harness.command import one_line_errors, parse

MODELS = {
    "aligned": "A model whose likeliest answers are right",
    "misaligned": "A model whose likeliest short answer is wrong",
}
SHOWN = ["tilted-2", "tilted-1", "tilted-0.5", "tempered-1.25", "tempered-2", "tempered-4", "sharpening"]
SHOWN += ["tempered-2-content"]  # what sharpening has where it leaves length alone


@dataclass(frozen=True)
class PublishedConfig:
    """Draw the README's first picture from docs/validation."""

    validation: Path = Path("docs/validation")
    """the folder of frontier-*.json and results-*.csv"""
    output: Path = Path("docs/frontier.png")
    """the picture; one that is there is replaced"""


def published_figure(validation: Path):
    """Both models on the same axes. ValueError: a file is missing."""
    import pandas as pd

    from figures.llm.arms import looks
    from figures.llm.frontier import Panel, frontier_figure
    from figures.study.arrival import far
    from figures.study.frontier import find, frontier, run_ends
    from harness.run_kind import read_json

    panels, found = [], []
    for model, title in MODELS.items():
        files = validation / f"frontier-{model}.json", validation / f"results-{model}.csv"
        for file in files:
            if not file.is_file():
                raise ValueError(f"--validation {validation} has no {file.name}; name this project's docs/validation")
        content, results = read_json(files[0]), pd.read_csv(files[1])
        results = results[results["arm"].isin(SHOWN)]
        curves, base = frontier(content, {}), float(content["rollouts"]["accuracy"])
        away = {row.arm: "" for row in results.itertuples() if far(row.kl_to_optimum, row.kl_to_optimum_se)}
        panels.append(Panel(title, base, curves, run_ends(results), away))
        found.append(find(curves, base))
    title = "The forecast of accuracy against distance, and where the runs ended."
    if all(own.dips and own.reward_ahead for own in found):
        title = "Sharpening first makes both models worse. A task reward never does, and is ahead at every distance."
    note = (
        "Lines and band: forecast with its 95 % interval from 64 base samples a prompt alone; dashed: the"
        " samples cannot tell. Marks: the mean of 3 trained runs on 96 held-out prompts, bars two standard deviations."
    )
    return frontier_figure(panels, looks(dict.fromkeys(SHOWN, "")), title, note)


def main(arguments: list[str] | None = None) -> None:
    config = parse(PublishedConfig, "figures.published", arguments)
    with one_line_errors(config):
        from harness.run_folder import write

        canvas = published_figure(config.validation)
        write(config.output, canvas.savefig)
        print(config.output)


if __name__ == "__main__":
    main()
