"""Did the runs arrive? One that was stopped on its way is no missed forecast."""

from collections.abc import Iterator

from figures.llm.arms import spoken
from figures.page.lead import Model
from figures.page.markup import element, table, text
from figures.study.arrival import share_of_way
from figures.study.runs import TrainedRun, by_arm
from figures.study.verdict import cells
from figures.study.words import known, with_error, with_interval


def arrived(model: Model) -> str:
    """Nothing without runs."""
    study = model.study
    if study is None:
        return ""
    runs, waiting = by_arm(study.runs), model.panel.waiting
    there = len(runs) - len(waiting)
    said = f"{there} of {len(runs)} arms have arrived where their objective ends; only these judge the forecast."
    if waiting:
        said += " The others were stopped on their way: no evidence for it or against it. Go on with --resume."
    return element(
        "section",
        element("h2", "Did the runs arrive?"),
        element("p", text(said)),
        table(["arm", "steps", "of the way", "accuracy", "forecast", "so"], _rows(model, runs)),
        class_="arrived",
    )


def _rows(model: Model, runs: dict[str, list[TrainedRun]]) -> Iterator[list[str]]:
    assert model.study is not None
    numbers = cells(model.study.results)
    accuracy = numbers[numbers["quantity"] == "accuracy"].set_index("arm")
    for arm, own in runs.items():
        ways = [way for run in own if known(way := share_of_way(run))]
        row = accuracy.loc[arm]
        told = with_interval(row["forecast"], row["low"], row["high"], ".3f") if known(row["forecast"]) else "declined"
        yield [
            spoken(arm),
            str(int(own[0].summary.get("steps") or 0)),
            f"{100 * sum(ways) / len(ways):.0f} % of its KL" if ways else "unknown",
            with_error(row["run"], row["run_se"]),
            told,
            _so(row, model.panel.waiting.get(arm)),
        ]


def _so(row, why: str | None) -> str:
    if why is not None:
        return f"on its way: {why}"
    if not known(row["forecast"]) or not row["reliable"]:
        return "arrived; the forecast could not tell"
    if row["inside"]:
        return "✓ arrived, inside the forecast"
    if row["compatible"]:
        return "~ arrived, within the run's own error"
    return f"✗ arrived, missed by {100 * abs(row['run'] - row['forecast']):.1f} points"
