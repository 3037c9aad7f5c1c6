"""The report: question, prediction, runs, verdict, tables, figures, how to rerun, in one HTML page."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from string import Template

import numpy as np
import pandas as pd

from figures.gallery import Forecast, forecast_of, gallery, read_forecast
from figures.page.explorer import explorer
from figures.page.markup import bullets, element, picture, table, text
from figures.page.rerun import rerun
from figures.study.predictions import points
from figures.study.questions import Answer, answers
from figures.study.runs import QUANTITIES, Study, read_study
from figures.study.verdict import cells, sentences
from harness.run_kind import Folder, read_json, read_samplers

HERE = Path(__file__).parent


def page(folders: Sequence[Folder]) -> str:
    """The whole page: what was predicted, what was run and how it ended, what small policies show, how to repeat it."""
    pictures: dict[str, list[str]] = {folder.name: [] for folder in folders}
    for drawn in gallery(folders):
        pictures[drawn.folder].append(picture(drawn.figure(), drawn.caption))
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
    assets = {name: (HERE / file).read_text() for name, file in (("style", "page.css"), ("script", "page.js"))}
    return Template((HERE / "page.html").read_text()).substitute(assets, content="\n".join(content))


def _prediction(forecast: Forecast) -> Iterator[str]:
    facts = forecast.content["rollouts"]
    yield element(
        "p",
        text(
            f"Made from {facts['rows']} samples of the base model on {facts['prompts']} prompts, "
            f"{facts['accuracy']:.1%} of them right, without any training."
        ),
    )
    yield bullets(forecast.content["verdict"])
    yield explorer(forecast)
    yield element("p", "Why:")
    yield bullets(finding["sentence"] for finding in forecast.content["diagnosis"])


def _answer(study: Study, forecasts: Sequence[Forecast]) -> Iterator[str]:
    forecast = forecast_of(study, forecasts)
    yield element("p", text(f"Model {study.model}: {len(study.runs)} finished runs, forecast before they began."))
    for answer in answers(study, forecast.content["diagnosis"] if forecast else ()):
        yield element("h4", text(answer.question))
        yield bullets(answer.sentences)
        if len(answer.table):
            yield _answer_table(answer)
    yield element("h4", "Was the forecast right?")
    yield bullets(sentences(study))


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
            arm,
            f"{row['kl']:.2f}",
            *(_points(row[name], row[f"{name}_low"], row[f"{name}_high"]) for name in columns),
            *(_points(row[name]) for name in more),
        ]
        for arm, row in answer.table.iterrows()
    )
    return table(["arm", "KL / nats", *columns.values(), *more.values()], rows)


def _points(value: float, low: float = np.nan, high: float = np.nan) -> str:
    return points(value, low, high) if np.isfinite(value) else "unknown"


def _study(study: Study) -> Iterator[str]:
    numbers = cells(study.results)
    yield element(
        "p",
        "Forecast [95 % interval] | run ± standard error. ✓ inside, ~ within the error of the run, ✗ missed, ? or "
        "declined: the forecast could not tell.",
    )
    rows = []
    for arm, own in numbers.groupby("arm", sort=False):
        by = own.set_index("quantity")
        rows.append([arm, *(_cell(by.loc[quantity]) if quantity in by.index else "" for quantity in QUANTITIES)])
    yield table(["arm", *QUANTITIES], rows)
    yield element("p", "What was run, and how far it ended from its own optimum:")
    yield table(
        ["arm", "run", "regime", "α", "β", "steps", "s/step", "KL to optimum / nats", "left its forecast at step"],
        (_run_row(run) for run in study.runs),
    )
    tokens = study.results.groupby("arm", sort=False)["tokens"].mean() if "tokens" in study.results else pd.Series()
    if len(tokens.dropna()):
        yield element("p", "Tokens generated, in training or by a sampler, the mean over seeds:")
        yield table(["arm", "tokens"], ([arm, f"{number:,.0f}"] for arm, number in tokens.dropna().items()))


def _cell(row) -> str:
    told = f"{row.forecast:.3g} [{row.low:.3g}, {row.high:.3g}]" if np.isfinite(row.forecast) else "declined"
    if not np.isfinite(row.run):
        return f"{told} | unknown"
    sign = "?" if not row.reliable else "✓" if row.inside else "~" if row.compatible else "✗"
    ended = f"{row.run:.3g} ± {row.run_se:.2g}" if np.isfinite(row.run_se) else f"{row.run:.3g}"
    return f"{told} | {ended} {sign}" if np.isfinite(row.forecast) else f"{told} | {ended}"


def _run_row(run) -> list[str]:
    summary = run.summary
    distance = summary.get("kl_to_optimum")
    return [
        run.arm,
        run.folder.name,
        run.regime,
        *("" if value is None else f"{value:g}" for value in (run.alpha, run.beta)),
        summary.get("steps", ""),
        f"{summary['seconds_per_step']:.2f}" if summary.get("seconds_per_step") else "",
        "no single optimum" if distance is None else f"{distance:.2f} ± {summary['kl_to_optimum_se']:.2f}",
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


def _interval(number: dict) -> str:
    return " ".join([_short(number["value"]), f"[{_short(number['low'])}, {_short(number['high'])}]"])


def _short(value) -> str:
    return "unknown" if value is None else f"{value:.4g}" if isinstance(value, int | float) else str(value)


def _simulation(folder: Folder) -> Iterator[str]:
    checks = read_json(folder.path / "summary.json")["predictions"]
    holds = sum(bool(check["holds"]) for check in checks)
    yield element("p", text(f"{holds} of {len(checks)} predictions hold."))
    columns = ("claim", "source", "predicted", "simulated", "tolerance")
    rows = ([*(_short(check[name]) for name in columns), "✓" if check["holds"] else "✗"] for check in checks)
    yield element("details", element("summary", "All of them"), table([*columns, "holds"], rows))
