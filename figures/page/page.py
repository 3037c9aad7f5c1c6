"""The report: question, prediction, runs, verdict, tables, figures, how to rerun, in one HTML page."""

from collections.abc import Iterator, Sequence
from importlib import resources
from string import Template
from typing import Any

import pandas as pd

from figures.gallery import drawings
from figures.page.explorer import explorer
from figures.page.markup import bullets, element, picture, table, text
from figures.page.rerun import rerun
from figures.study.answers import Answer, answers
from figures.study.arrival import not_arrived
from figures.study.forecasts import ForecastFolder, forecast_of, read_forecast
from figures.study.runs import Study, TrainedRun, read_study
from figures.study.verdict import cells, verdict
from figures.study.words import UNKNOWN, known, number, points, with_error, with_interval
from harness.run_kind import Folder, read_json, read_samplers
from theory.vocabulary import COMPARED


def page(folders: Sequence[Folder]) -> str:
    """The whole page: what was predicted, what was run and how it ended, what small policies show, how to repeat it."""
    pictures: dict[str, list[str]] = {folder.name: [] for folder in folders}
    for drawing in drawings(folders):
        pictures[drawing.folder].append(picture(drawing.figure(), drawing.caption))
    forecasts = {folder: read_forecast(folder) for folder in folders if folder.kind == "llm.forecast"}
    studies = {folder: read_study(folder) for folder in folders if folder.kind in ("llm.compare", "llm.train")}
    told = {
        "The answer": {folder: _answer(study, list(forecasts.values())) for folder, study in studies.items()},
        "The prediction": {folder: _prediction(forecast) for folder, forecast in forecasts.items()},
        "The runs": {folder: _study(study) for folder, study in studies.items()},
        "Samples and evaluations": {
            folder: _numbers(folder)
            for folder in folders
            if folder.kind in ("llm.sample", "llm.evaluate", "benchmarks.samplers")
        },
        "The same on small policies, where theory is exact": {
            folder: _simulation(folder) for folder in folders if folder.kind.startswith("toysims")
        },
    }
    content = []
    for title, parts in told.items():
        if parts:
            content.append(element("h2", text(title)))
        for folder, pieces in parts.items():
            content += [element("h3", text(f"{folder.name} ({folder.kind})")), *pieces]
            content += pictures[folder.name] if title != "The answer" else []
    content += [element("h2", "How to run it again"), *(rerun(folder) for folder in folders)]
    assets = {name: _asset(file) for name, file in (("style", "page.css"), ("script", "page.js"))}
    return Template(_asset("page.html")).substitute(assets, content="\n".join(content))


def _asset(file: str) -> str:
    """A text that lies beside this module, in the tree as in a wheel."""
    return (resources.files("figures.page") / file).read_text(encoding="utf-8")


def _prediction(forecast: ForecastFolder) -> Iterator[str]:
    facts = forecast.content["rollouts"]
    yield element(
        "p",
        text(
            f"Made from {facts['rows']} samples of the base model on {facts['prompts']} prompts, "
            f"{facts['accuracy']:.1%} of them correct, without any training."
        ),
    )
    verdict = forecast.content["verdict"]
    yield bullets([f"{verdict['word']}: {verdict['sentence']}", *verdict["sentences"]])
    yield explorer(forecast)
    yield element("p", "Why:")
    yield bullets(finding["sentence"] for finding in forecast.content["diagnosis"])


def _answer(study: Study, forecasts: Sequence[ForecastFolder]) -> Iterator[str]:
    forecast = forecast_of(study, forecasts)
    yield element("p", text(f"Model {study.model}: {len(study.runs)} finished runs, forecast before they began."))
    for answer in answers(study, forecast.content["diagnosis"] if forecast else ()):
        yield element("h4", text(answer.question))
        yield bullets(answer.sentences)
        if len(answer.table):
            yield _answer_table(answer)
    yield element("h4", "Was the forecast right?")
    yield bullets(verdict(study))


def _answer_table(answer: Answer) -> str:
    """Points of accuracy, with 95 % intervals; the headings say to what."""
    if "gain" in answer.table:
        columns = {"gain": "gained", "reward_gain": "reward runs at its KL", "lead": "difference"}
        more = {"bound": "most at its KL, forecast"}
    else:
        columns = {"to_plain": "to plain", "to_base": "to the base model", "to_reward": "to the reward runs at its KL"}
        more = {}
    rows = (
        [
            arm if row["arrived"] else f"{arm} (not arrived)",
            number(row["kl"], ".2f"),
            *(points(row[name], row[f"{name}_low"], row[f"{name}_high"]) for name in columns),
            *(points(row[name]) for name in more),
        ]
        for arm, row in answer.table.iterrows()
    )
    return table(["arm", "KL / nats", *columns.values(), *more.values()], rows)


def _study(study: Study) -> Iterator[str]:
    numbers, waiting = cells(study.results), not_arrived(study)
    yield element(
        "p",
        "Forecast [95 % interval] | run ± standard error. ✓ inside, ~ within the error of the run, ✗ missed, … the "
        "run has not arrived, ? or declined: the forecast could not tell.",
    )
    rows = []
    for arm, own in numbers.groupby("arm", sort=False):
        by = own.set_index("quantity")
        found = (_cell(by.loc[quantity], arm in waiting) if quantity in by.index else "" for quantity in COMPARED)
        rows.append([arm, *found])
    yield table(["arm", *COMPARED], rows)
    yield element("p", "What was run, and how far it ended from its own optimum:")
    yield table(
        ["arm", "run", "regime", "α", "β", "steps", "s/step", "KL to optimum / nats", "left its forecast at step"],
        (_run_row(run) for run in study.runs),
    )
    tokens = study.results.groupby("arm", sort=False)["tokens"].mean() if "tokens" in study.results else pd.Series()
    if len(tokens.dropna()):
        yield element("p", "Tokens generated, in training or by a sampler, the mean over seeds:")
        yield table(["arm", "tokens"], ([arm, f"{number:,.0f}"] for arm, number in tokens.dropna().items()))


def _cell(row, waiting: bool) -> str:
    told = with_interval(row.forecast, row.low, row.high, ".3g") if known(row.forecast) else "declined"
    if not known(row.run):
        return f"{told} | {UNKNOWN}"
    ended = with_error(row.run, row.run_se, ".3g", ".2g")
    if not known(row.forecast):
        return f"{told} | {ended}"
    return f"{told} | {ended} {_sign(row, waiting)}"


def _sign(row, waiting: bool) -> str:
    if not row.reliable:
        return "?"
    return "…" if waiting else "✓" if row.inside else "~" if row.compatible else "✗"


def _run_row(run: TrainedRun) -> list[Any]:
    summary = run.summary
    distance, error = summary.get("kl_to_optimum"), summary.get("kl_to_optimum_se")
    return [
        run.arm,
        run.folder.name,
        run.regime,
        *("" if value is None else f"{value:g}" for value in (run.alpha, run.beta)),
        summary.get("steps", ""),
        f"{summary['seconds_per_step']:.2f}" if summary.get("seconds_per_step") else "",
        "no single optimum" if distance is None else with_error(distance, error, ".2f"),
        (summary.get("collapse") or {}).get("step", ""),
    ]


def _numbers(folder: Folder) -> Iterator[str]:
    if folder.kind == "benchmarks.samplers":
        errors = [row for rows in read_samplers(folder.path).values() for row in rows]
        yield element("p", text(f"{len(errors)} settings of {len({row['method'] for row in errors})} samplers."))
        return
    if folder.kind == "llm.sample":
        summary = read_json(folder.path / "summary.json")
        yield table(["quantity", "value"], ([name, _short(value)] for name, value in summary.items()))
        return
    tables = read_json(folder.path / "evaluation.json")["tables"]
    quantities = list(next(iter(tables.values())))
    yield table(
        ["rollouts", *quantities],
        ([name, *(_interval(own[quantity]) for quantity in quantities)] for name, own in tables.items()),
    )


def _interval(own: dict[str, Any]) -> str:
    return with_interval(own["value"], own["low"], own["high"], ".4g")


def _short(value: Any) -> str:
    if value is None or isinstance(value, int | float):
        return number(value, ".4g")
    return str(value)


def _simulation(folder: Folder) -> Iterator[str]:
    checks = read_json(folder.path / "summary.json")["predictions"]
    holds = sum(bool(check["holds"]) for check in checks)
    yield element("p", text(f"{holds} of {len(checks)} predictions hold."))
    columns = ("claim", "source", "predicted", "simulated", "tolerance")
    rows = ([*(_short(check[name]) for name in columns), "✓" if check["holds"] else "✗"] for check in checks)
    yield element("details", element("summary", "All of them"), table([*columns, "holds"], rows))
