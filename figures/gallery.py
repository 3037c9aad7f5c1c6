"""Every figure that some run folders allow, each with the sentence that says what it shows."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from figures.study.runs import LENGTH_CONTROLLED, Study, read_study
from harness.run_kind import Folder, read_json, read_samplers


class Drawn(NamedTuple):
    """figure() draws it, when it is wanted: a page of figures need not be held in memory at once."""

    folder: str
    name: str
    caption: str
    figure: Callable[[], Any]


class Forecast(NamedTuple):
    """A folder of llm.forecast: one record a target on each of its lines, and the whole file."""

    name: str
    model: str | None
    rollouts: str
    lines: dict[str, list[dict[str, Any]]]
    content: dict[str, Any]


def read_forecast(folder: Folder) -> Forecast:
    """Exact records where there are some, else reweighted ones: the expansion is a second opinion only."""
    content, config = read_json(folder.path / "forecast.json"), read_json(folder.path / "config.json")
    missing = [name for name in ("forecasts", "plane", "verdict", "diagnosis") if name not in content]
    if missing or any("length_low" not in record for record in content["plane"]):
        lacks = missing[0] if missing else "lengths in its plane"
        raise ValueError(f"RUN {folder.path} has a forecast.json without {lacks}; run llm.forecast again")
    methods = {record["method"] for record in content["forecasts"]}
    kept = [r for r in content["forecasts"] if r["method"] == ("exact" if "exact" in methods else "psis")]
    lines = {line: [r for r in kept if r["line"] == line] for line in ("alpha", "b", "point", "limit")}
    return Forecast(folder.name, config.get("model"), str(config.get("rollouts", "")), lines, content)


def forecast_of(study: Study, forecasts: Sequence[Forecast]) -> Forecast | None:
    """The forecast made from this study's own base rollouts, or else from its model."""
    base = str(study.runs[0].folder.parents[2]) if study.runs else ""
    own = [f for f in forecasts if f.rollouts and base and f.rollouts.startswith(base)]
    return next(iter([*own, *(f for f in forecasts if f.model == study.model)]), None)


def gallery(folders: Sequence[Folder]) -> Iterator[Drawn]:
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


def _study(study: Study, forecasts: Sequence[Forecast], evaluations: Sequence[Folder]) -> Iterator[Drawn]:
    from figures.llm.along_alpha import along_alpha_figure
    from figures.llm.arms import looks
    from figures.llm.comparison import comparison_figure
    from figures.llm.frontier import frontier_figure
    from figures.llm.length_control import length_control_figure
    from figures.llm.pass_curves import pass_figure, votes
    from figures.llm.runs_in_plane import runs_in_plane_figure
    from figures.llm.steps import steps_figure

    look, runs, name = looks(study.families), study.runs, study.name
    forecast = forecast_of(study, forecasts)
    lines, plane = (forecast.lines, forecast.content["plane"]) if forecast else (None, None)
    yield Drawn(
        name,
        "comparison",
        "Forecast against run: on the diagonal where the forecast was right; hollow marks could not be told.",
        lambda: comparison_figure(study.results, look),
    )
    yield Drawn(
        name,
        "frontier",
        "Accuracy against KL from the base model: higher at the same KL is a better use of the same budget.",
        lambda: frontier_figure(study.results, look, lines),
    )
    in_plane = [run for run in runs if run.family != LENGTH_CONTROLLED]
    if in_plane:
        yield Drawn(
            name,
            "plane",
            "Runs in the (α, b) plane: dashed to the predicted end (hollow), solid the way the run took to its end "
            "(full).",
            lambda: runs_in_plane_figure(in_plane, look, plane),
        )
    if len(in_plane) < len(runs):
        yield Drawn(
            name,
            "length-control",
            "Accuracy against length where the runs ended: sharpening with and without its pull on length.",
            lambda: length_control_figure(study.results, study.families, look),
        )
    if lines:
        yield Drawn(
            name,
            "along-alpha",
            "Accuracy against the power α, forecast from base samples; marks are the ends of the runs, ± 2 s.e.",
            lambda: along_alpha_figure(lines, runs, look),
        )
    yield Drawn(
        name,
        "steps",
        "Training, step by step: batches (faint), moving mean, end on held-out prompts, forecast of the optimum "
        "(dashed, with its 95 % band), base model (dotted).",
        lambda: steps_figure(runs, look),
    )
    majority = votes(study, evaluations)
    yield Drawn(
        name,
        "pass-at-k",
        "pass@k on the held-out prompts: sharpening can raise the left end and lower the right one."
        + (" Right: maj@k, a vote of k samples, ties shared." if majority else ""),
        lambda: pass_figure(study, look, majority),
    )


def _forecast(forecast: Forecast) -> Iterator[Drawn]:
    from figures.llm.forecast import curves_figure, plane_figure

    lines, plane = forecast.lines, forecast.content["plane"]
    yield Drawn(
        forecast.name,
        "curves",
        "The forecast along both axes of the plane, with 95 % bands; hollow marks: these rollouts cannot tell.",
        lambda: curves_figure(lines["alpha"], lines["b"]),
    )
    alphas, bs = (sorted({record[name] for record in plane}) for name in ("alpha", "b"))
    yield Drawn(
        forecast.name,
        "forecast-plane",
        "The forecast of accuracy over the plane; hatched where these rollouts cannot tell.",
        lambda: plane_figure(plane, alphas, bs),
    )


def _evaluation(folder: Folder, studies: Iterable[Study]) -> Drawn:
    from figures.llm.arms import Look, looks
    from figures.llm.evaluation import evaluation_figure

    content = read_json(folder.path / "evaluation.json")
    known = {run.folder: looks(study.families)[run.arm] for study in studies for run in study.runs}
    own = {name: known.get(Path(name.rpartition(":")[0] or name).resolve()) for name in content["tables"]}
    look = {name: Look((0.0, 0.0, 0.0), "o") if name.endswith(":base") else found for name, found in own.items()}
    look = {name: found for name, found in look.items() if found}
    caption = "pass@k and maj@k of every table that was evaluated, with intervals over prompts."
    return Drawn(folder.name, "evaluation", caption, lambda: evaluation_figure(content["tables"], look))


def _samplers(folder: Folder) -> Iterator[Drawn]:
    from figures.llm.samplers import samplers_figure

    for organism, rows in read_samplers(folder.path).items():
        caption = f"Samplers of p^α on the organism {organism}: error beyond the Monte Carlo floor against cost."
        yield Drawn(folder.name, f"cost-{organism}", caption, lambda rows=rows: samplers_figure(rows))


def _toy(folder: Folder) -> Drawn:
    from figures.toysims import redraw

    name = folder.kind.removeprefix("toysims.")
    return Drawn(folder.name, name, redraw.CAPTIONS[name], lambda: redraw.redraw(name, folder.path))
