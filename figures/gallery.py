"""Every figure that some run folders allow, each with the sentence that says what it shows."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from figures.llm.arms import Look
from figures.study.forecasts import ForecastFolder, forecast_of, grid, read_forecast
from figures.study.runs import LENGTH_CONTROLLED, Study, read_study
from harness.run_kind import Folder, read_json, read_samplers


class Drawing(NamedTuple):
    """caption: what it shows; alt: what stands on the axes, for who cannot see it.

    figure() draws it, when it is wanted: a page of figures need not be held in memory at once.
    """

    folder: str
    name: str
    caption: str
    alt: str
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
            yield from _toy(folder)


def _study(study: Study, forecasts: Sequence[ForecastFolder], evaluations: Sequence[Folder]) -> Iterator[Drawing]:
    from figures.llm.arms import looks
    from figures.llm.at_k import pass_figure
    from figures.llm.comparison import comparison_figure
    from figures.llm.steps import steps_figure
    from figures.study.arrival import not_arrived
    from figures.study.pass_at_k import gained, votes

    look, forecast, waiting = looks(study.families), forecast_of(study, forecasts), not_arrived(study)
    yield _frontier_of(study, forecast, look, waiting)
    yield Drawing(
        study.name,
        "comparison",
        "Forecast against run: on the diagonal where the forecast was right; faded where it could not be told.",
        "Five scatter plots (accuracy, length, log p, entropy and KL): the forecast across, the run upwards.",
        lambda: comparison_figure(study.results, look, waiting),
    )
    yield from _on_axes(study, forecast, look)
    yield Drawing(
        study.name,
        "steps",
        f"Training, step by step: {len(study.runs) - len(waiting_runs(study, waiting))} of {len(study.runs)} runs have "
        "arrived where their objective ends.",
        "A row of panels for each family, accuracy first: batches faint, their moving mean, the end on held-out "
        "prompts, the forecast of the optimum with its band, the base model dotted.",
        lambda: steps_figure(study.runs, look),
    )
    majority = votes(study, evaluations)
    yield Drawing(
        study.name,
        "pass-at-k",
        "What training does to pass@k: above 0 it beats the base model with k samples."
        + (" Right: maj@k, a vote of k samples, ties shared." if majority else ""),
        "Lines of the difference in pass@k to the base model against k, one for each arm, with 95 % intervals.",
        lambda: pass_figure(gained(study), majority, look),
    )


def waiting_runs(study: Study, waiting: Mapping[str, str]) -> list[str]:
    """The arm of each run that has not arrived."""
    return [run.arm for run in study.runs if run.arm in waiting]


def _frontier_of(study: Study, forecast: ForecastFolder | None, look: Mapping[str, Look], waiting) -> Drawing:
    from figures.llm.frontier import Panel, frontier_figure
    from figures.study.frontier import finding, frontier, run_ends

    content = forecast.content if forecast else study.told
    curves, base = frontier(content, forecast.lines if forecast else {}), study.base_accuracy
    title = finding(curves, base) if curves else "Higher at the same distance is a better use of the same budget."
    panel = Panel(study.model, base, curves, run_ends(study.results), waiting)
    note = "Lines and band: forecast, 95 %, before training. " if curves else ""
    note += "Marks: trained runs, two errors each way; half full: on its way."
    return Drawing(
        study.name,
        "frontier",
        title,
        "Accuracy against the distance (KL) from the base model: a line for a task reward, one with a band for "
        "sharpening, and a mark where each arm ended.",
        lambda: frontier_figure([panel], look, title, note),
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
            "Where the runs went in the (α, b) plane: dashed to the end that was predicted, solid the way they took.",
            "The plane of the power α and the reward's weight b, with a way from the base model for each run.",
            lambda: runs_in_plane_figure(in_plane, look, grid(forecast.plane) if forecast else None),
        )
    if len(in_plane) < len(study.runs):
        yield Drawing(
            study.name,
            "length-control",
            "What sharpening does to length and accuracy, with and without its pull on length.",
            "Accuracy against length in tokens: a mark where each arm ended.",
            lambda: length_control_figure(study.results, study.families, look),
        )
    if forecast:
        yield Drawing(
            study.name,
            "along-alpha",
            "Accuracy along the power α: the forecast from base samples, and the ends of the runs.",
            "Accuracy against α from below 1 to infinity: a line with its band, a mark for each sharpening run.",
            lambda: along_alpha_figure(forecast.lines, study.runs, look),
        )


def _forecast(forecast: ForecastFolder) -> Iterator[Drawing]:
    from figures.llm.forecast import curves_figure, plane_figure
    from figures.llm.frontier import Panel, frontier_figure
    from figures.study.frontier import finding, frontier

    base = float(forecast.content["rollouts"]["accuracy"])
    curves = frontier(forecast.content, forecast.lines)
    panel, title = Panel(forecast.model or "", base, curves, (), {}), finding(curves, base)
    yield Drawing(
        forecast.name,
        "frontier",
        title,
        "Accuracy against the distance (KL) from the base model: a line for a task reward, one with a band for "
        "sharpening.",
        lambda: frontier_figure([panel], {}, title, "Lines and band: forecast with its 95 % interval."),
    )
    yield Drawing(
        forecast.name,
        "curves",
        "The forecast along both axes of the plane, with 95 % bands; faded and dashed: these rollouts cannot tell.",
        "Accuracy, length and entropy against the power α at the left and the reward's weight b at the right.",
        lambda: curves_figure(forecast.lines["alpha"], forecast.lines["b"]),
    )
    plane = grid(forecast.plane)
    records = [record for row in plane.rows for record in row]
    yield Drawing(
        forecast.name,
        "forecast-plane",
        "The forecast of accuracy over the plane; faded and hatched where these rollouts cannot tell.",
        "The plane of the power α and the reward's weight b, lighter where accuracy is higher.",
        lambda: plane_figure(records, plane.alphas, plane.bs),
    )


def _evaluation(folder: Folder, studies: Iterable[Study]) -> Drawing:
    from figures.llm.arms import looks
    from figures.llm.at_k import evaluation_figure
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
    alt = "Two panels against k: the share of prompts with a correct sample, and with a correct vote; a line a table."
    return Drawing(folder.name, "evaluation", caption, alt, lambda: evaluation_figure(tables, look))


def _samplers(folder: Folder) -> Iterator[Drawing]:
    from figures.llm.samplers import samplers_figure

    for organism, rows in read_samplers(folder.path).items():
        caption = f"Samplers of p^α on the organism {organism}: error beyond the Monte Carlo floor against cost."
        alt = "A panel for each α: the distance from the exact target against tokens, one line a sampler."
        yield Drawing(folder.name, f"cost-{organism}", caption, alt, partial(samplers_figure, rows))


def _toy(folder: Folder) -> Iterator[Drawing]:
    from figures.toysims import redraw

    for picture in redraw.pictures(folder.kind.removeprefix("toysims."), folder.path):
        yield Drawing(folder.name, *picture)
