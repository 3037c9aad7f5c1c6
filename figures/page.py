"""The report: question, prediction, runs, verdict, tables, figures, how to rerun, in one HTML page."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from string import Template

from figures.explorer import explorer
from figures.gallery import Forecast, forecast_of, gallery, read_forecast, task_line
from figures.kinds import Folder, read_json
from figures.markup import bullets, element, picture, table, text
from figures.rerun import rerun
from figures.runs import QUANTITIES, Study, read_study
from figures.verdict import at_equal_kl, cells, sentences

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
        "The runs": {folder: _study(study, list(forecasts.values())) for folder, study in studies.items()},
        "Samples and evaluations": {
            folder: _numbers(folder) for folder in folders if folder.kind in ("llm.sample", "llm.evaluate")
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
    yield bullets(sentences(study, task_line(forecast) if forecast else []))


def _study(study: Study, forecasts: Sequence[Forecast]) -> Iterator[str]:
    forecast = forecast_of(study, forecasts)
    line = task_line(forecast) if forecast else []
    numbers = cells(study.results)
    yield element(
        "p",
        "Forecast [95 % interval] | run ± standard error. ✓ inside, ~ within the error of the run, ✗ missed, ? the "
        "forecast had declined to tell.",
    )
    rows = []
    for arm, own in numbers.groupby("arm", sort=False):
        by = own.set_index("quantity")
        rows.append([arm, *(_cell(by.loc[quantity]) if quantity in by.index else "" for quantity in QUANTITIES)])
    yield table(["arm", *QUANTITIES], rows)
    price = at_equal_kl(numbers, study.regimes, line)
    if len(price) and price["task_gain"].notna().all():
        yield element(
            "p", "Points of accuracy gained without a reward, and forecast for a task reward within the same KL:"
        )
        columns = ["arm", "KL / nats", "gained", "task reward"]
        yield table(
            columns,
            (
                [
                    arm,
                    f"{row.kl:.2f}",
                    f"{100 * row.gain:+.1f} ± {100 * row.gain_se:.1f}",
                    f"{100 * row.task_gain:+.1f}",
                ]
                for arm, row in price.iterrows()
            ),
        )
    yield element("p", "What was run, and how far it ended from its own optimum:")
    yield table(
        ["arm", "run", "regime", "α", "β", "steps", "s/step", "KL to optimum / nats", "left its forecast at step"],
        (_run_row(run) for run in study.runs),
    )


def _cell(row) -> str:
    sign = "?" if not row.reliable else "✓" if row.inside else "~" if row.compatible else "✗"
    return f"{row.forecast:.3g} [{row.low:.3g}, {row.high:.3g}] | {row.run:.3g} ± {row.run_se:.2g} {sign}"


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
