"""Every figure that some run folders allow, each with the sentence that says what it shows."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from figures.llm.arms import Look
from figures.study.forecasts import ForecastFolder, forecast_of, grid, read_forecast
from figures.study.runs import LENGTH_CONTROLLED, Study, read_study
from harness.run_kind import Folder, read_json, read_samplers


class Drawing(NamedTuple):
    """figure() draws it, when it is wanted: a page of figures need not be held in memory at once."""

    folder: str
    name: str
    caption: str
    figure: Callable[[], Any]


def drawings(folders: Sequence[Folder]) -> Iterator[Drawing]:
    """In the order of the folders. A forecast is drawn by itself, and beneath the runs of its model."""
    forecasts = [read_forecast(folder) for folder in folders if folder.kind == "llm.forecast"]
    studies = {folder: read_study(folder) for folder in folders if folder.kind in ("llm.compare", "llm.train")}
    for folder in folders:
        if folder in studies:
            yield from _study(studies[folder], forecasts, [f for f in folders if f.kind == "llm.evaluate"])
        elif folder.kind == "llm.forecast":
            yield from _forecast(next(f for f in forecasts if f.name == folder.name))
        elif folder.kind == "llm.evaluate":
            yield _evaluation(folder, studies.values())
        elif folder.kind == "benchmarks.samplers":
            yield from _samplers(folder)
        elif folder.kind.startswith("toysims."):
            yield _toy(folder)


def _study(study: Study, forecasts: Sequence[ForecastFolder], evaluations: Sequence[Folder]) -> Iterator[Drawing]:
    from figures.llm.arms import looks
    from figures.llm.comparison import comparison_figure
    from figures.llm.frontier import frontier_figure
    from figures.llm.pass_curves import pass_figure
    from figures.llm.steps import steps_figure
    from figures.study.pass_at_k import passed, votes

    look, forecast = looks(study.families), forecast_of(study, forecasts)
    yield Drawing(
        study.name,
        "comparison",
        "Forecast against run: on the diagonal where the forecast was right; hollow marks could not be told.",
        lambda: comparison_figure(study.results, look),
    )
    yield Drawing(
        study.name,
        "frontier",
        "Accuracy against KL from the base model: higher at the same KL is a better use of the same budget.",
        lambda: frontier_figure(study.results, look, forecast.lines if forecast else None),
    )
    yield from _on_axes(study, forecast, look)
    yield Drawing(
        study.name,
        "steps",
        "Training, step by step: batches (faint), moving mean, end on held-out prompts, forecast of the optimum "
        "(dashed, with its 95 % band), base model (dotted).",
        lambda: steps_figure(study.runs, look),
    )
    majority = votes(study, evaluations)
    yield Drawing(
        study.name,
        "pass-at-k",
        "pass@k on the held-out prompts: sharpening can raise the left end and lower the right one."
        + (" Right: maj@k, a vote of k samples, ties shared." if majority else ""),
        lambda: pass_figure(passed(study), majority, look),
    )


def _on_axes(study: Study, forecast: ForecastFolder | None, look: Mapping[str, Look]) -> Iterator[Drawing]:
    """Where the runs ended in the plane, against length and along alpha; each where the study has such runs."""
    from figures.llm.along_alpha import along_alpha_figure
    from figures.llm.length_control import length_control_figure
    from figures.llm.runs_in_plane import runs_in_plane_figure

    in_plane = [run for run in study.runs if run.family != LENGTH_CONTROLLED]
    if in_plane:
        yield Drawing(
            study.name,
            "plane",
            "Runs in the (α, b) plane: dashed to the predicted end (hollow), solid the way the run took to its end "
            "(full).",
            lambda: runs_in_plane_figure(in_plane, look, grid(forecast.plane) if forecast else None),
        )
    if len(in_plane) < len(study.runs):
        yield Drawing(
            study.name,
            "length-control",
            "Accuracy against length where the runs ended: sharpening with and without its pull on length.",
            lambda: length_control_figure(study.results, study.families, look),
        )
    if forecast:
        yield Drawing(
            study.name,
            "along-alpha",
            "Accuracy against the power α, forecast from base samples; marks are the ends of the runs, ± 2 s.e.",
            lambda: along_alpha_figure(forecast.lines, study.runs, look),
        )


def _forecast(forecast: ForecastFolder) -> Iterator[Drawing]:
    from figures.llm.forecast import curves_figure, plane_figure

    yield Drawing(
        forecast.name,
        "curves",
        "The forecast along both axes of the plane, with 95 % bands; hollow marks: these rollouts cannot tell.",
        lambda: curves_figure(forecast.lines["alpha"], forecast.lines["b"]),
    )
    plane = grid(forecast.plane)
    records = [record for row in plane.rows for record in row]
    yield Drawing(
        forecast.name,
        "forecast-plane",
        "The forecast of accuracy over the plane; hatched where these rollouts cannot tell.",
        lambda: plane_figure(records, plane.alphas, plane.bs),
    )


def _evaluation(folder: Folder, studies: Iterable[Study]) -> Drawing:
    from figures.llm.arms import looks
    from figures.llm.evaluation import evaluation_figure
    from figures.study.pass_at_k import table_folder

    tables = read_json(folder.path / "evaluation.json")["tables"]
    trained = {run.folder: looks(study.families)[run.arm] for study in studies for run in study.runs}
    look = {}
    for name in tables:
        place, part = table_folder(name)
        if part == "base":
            look[name] = Look((0.0, 0.0, 0.0), "o")
        elif place in trained:
            look[name] = trained[place]
    caption = "pass@k and maj@k of every table that was evaluated, with intervals over prompts."
    return Drawing(folder.name, "evaluation", caption, lambda: evaluation_figure(tables, look))


def _samplers(folder: Folder) -> Iterator[Drawing]:
    from figures.llm.samplers import samplers_figure

    for organism, rows in read_samplers(folder.path).items():
        caption = f"Samplers of p^α on the organism {organism}: error beyond the Monte Carlo floor against cost."
        yield Drawing(folder.name, f"cost-{organism}", caption, partial(samplers_figure, rows))


def _toy(folder: Folder) -> Drawing:
    from figures.toysims import redraw

    name = folder.kind.removeprefix("toysims.")
    return Drawing(folder.name, name, redraw.CAPTIONS[name], lambda: redraw.redraw(name, folder.path))
