"""All the numbers behind the page, in words and tables; they are folded until somebody asks."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import pandas as pd

from figures.llm.arms import spoken
from figures.page.lead import Model
from figures.page.markup import bullets, element, fold, table, text
from figures.study.answers import Answer, answers
from figures.study.runs import Study, TrainedRun
from figures.study.verdict import cells, verdict
from figures.study.words import UNKNOWN, known, number, points, with_error, with_interval
from harness.run_kind import Folder, read_json, read_samplers
from theory.vocabulary import COMPARED


def of_model(model: Model) -> Iterator[str]:
    """Why in full, the answers that the runs give, and every number of them."""
    if model.diagnosis:
        yield fold("Why: all of the diagnosis", _base(model), bullets(str(own["sentence"]) for own in model.diagnosis))
    if model.study is not None:
        told = [piece for answer in answers(model.study, model.diagnosis) for piece in _answered(answer, model.study)]
        yield fold("What the runs say to the two questions", *told)
        yield fold(
            "Was the forecast right? Every number of every arm",
            bullets(_named(verdict(model.study), model.study)),
            *_study(model),
        )


def _base(model: Model) -> str:
    facts = model.told.get("rollouts") or {}
    if "rows" not in facts:
        return ""
    said = (
        f"Made from {facts['rows']} samples of the base model on {facts['prompts']} prompts, {facts['accuracy']:.1%} "
        "of them correct, without any training."
    )
    return element("p", text(said))


def _named(sentences: Iterable[str], study: Study) -> list[str]:
    """With the arms as everywhere on the page; the names without a number are words that sentences use."""
    arms = sorted((arm for arm in study.families if re.search(r"\d", arm)), key=len, reverse=True)
    if not arms:
        return list(sentences)
    found = re.compile(rf"(?<![\w-])({'|'.join(map(re.escape, arms))})(?![\w-])")
    return [found.sub(lambda name: spoken(name[1]), sentence) for sentence in sentences]


def _answered(answer: Answer, study: Study) -> Iterator[str]:
    yield element("h3", text(answer.question))
    yield bullets(_named(answer.sentences, study))
    if len(answer.table):
        yield _answer_table(answer)


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
            spoken(str(arm)) + ("" if row["arrived"] else " (not arrived)"),
            number(row["kl"], ".2f"),
            *(points(row[name], row[f"{name}_low"], row[f"{name}_high"]) for name in columns),
            *(points(row[name]) for name in more),
        ]
        for arm, row in answer.table.iterrows()
    )
    return table(["arm", "KL / nats", *columns.values(), *more.values()], rows)


def _study(model: Model) -> Iterator[str]:
    study, waiting = model.study, model.panel.waiting
    assert study is not None
    numbers = cells(study.results)
    yield element(
        "p",
        "Forecast [95 % interval] | run ± standard error. ✓ inside, ~ within the error of the run, ✗ missed, … the "
        "run has not arrived, ? or declined: the forecast could not tell.",
    )
    rows = []
    for arm, own in numbers.groupby("arm", sort=False):
        by = own.set_index("quantity")
        found = (_cell(by.loc[quantity], arm in waiting) if quantity in by.index else "" for quantity in COMPARED)
        rows.append([spoken(arm), *found])
    yield table(["arm", *COMPARED], rows)
    yield element("p", "What was run, and how far it ended from its own optimum:")
    yield table(
        ["arm", "run", "regime", "α", "β", "steps", "s/step", "KL to optimum / nats", "left its forecast at step"],
        (_run_row(run) for run in study.runs),
    )
    tokens = study.results.groupby("arm", sort=False)["tokens"].mean() if "tokens" in study.results else pd.Series()
    if len(tokens.dropna()):
        yield element("p", "Tokens generated, in training or by a sampler, the mean over seeds:")
        yield table(["arm", "tokens"], ([spoken(arm), f"{mean:,.0f}"] for arm, mean in tokens.dropna().items()))


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
        spoken(run.arm),
        run.folder.name,
        run.regime,
        *("" if value is None else f"{value:g}" for value in (run.alpha, run.beta)),
        summary.get("steps", ""),
        f"{summary['seconds_per_step']:.2f}" if summary.get("seconds_per_step") else "",
        "no single optimum" if distance is None else with_error(distance, error, ".2f"),
        (summary.get("collapse") or {}).get("step", ""),
    ]


def numbers(folder: Folder) -> Iterator[str]:
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


def simulation(folder: Folder) -> Iterator[str]:
    checks = read_json(folder.path / "summary.json")["predictions"]
    holds = sum(bool(check["holds"]) for check in checks)
    yield element("p", text(f"{holds} of {len(checks)} predictions hold."))
    columns = ("claim", "source", "predicted", "simulated", "tolerance")
    rows = ([*(_short(check[name]) for name in columns), "✓" if check["holds"] else "✗"] for check in checks)
    yield table([*columns, "holds"], rows)
