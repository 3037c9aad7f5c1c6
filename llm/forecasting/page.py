"""The page of text of a forecast."""

import io
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from llm.wording import interval, number
from theory.estimation.records import Forecast

COLUMNS = ("alpha", "b", "accuracy", "length", "entropy", "KL", "pass@k", "maj@k", "ESS", "Pareto\nk")


def page(result: dict[str, Any], groups: Sequence[Sequence[Forecast]]) -> str:
    """result: what forecast.json holds; groups: the records of the table, a rule between one group and the next."""
    text = io.StringIO()
    console = Console(file=text, width=120)
    console.print(_of_rollouts(result["rollouts"]), highlight=False)
    console.print()
    for sentence in result["verdict"]:
        console.print(sentence, highlight=False)
    table = Table(title="\nForecast, 95 % intervals over prompts; ? = these rollouts cannot tell", title_justify="left")
    for column in COLUMNS:
        table.add_column(column, justify="right")
    for records in groups:
        for record in records:
            table.add_row(*_cells(record))
        table.add_section()
    console.print(table)
    for finding in result["diagnosis"]:
        console.print(f"- {finding['sentence']}", highlight=False)
    if "following" in result:
        console.print(f"- {result['following']['sentence']}", highlight=False)
    return text.getvalue()


def _of_rollouts(facts: dict[str, Any]) -> str:
    prompts = f"{facts['prompts']} prompt{'s' if facts['prompts'] > 1 else ''}"
    return (
        f"{prompts}, {facts['fewest_samples']} to {facts['most_samples']} samples each, base accuracy "
        f"{facts['accuracy']:.3f}. {facts['unfinished']} of {facts['rows']} responses are unfinished: they count as "
        "wrong, do not vote, and their log p lacks an end."
    )


def _cells(record: Forecast) -> tuple[str, ...]:
    def cell(name: str, digits: int = 2) -> str:
        return f"{number(record[name].value, digits)}{'' if record[name].reliable else '?'}"

    def with_interval(name: str, digits: int) -> str:
        return f"{cell(name, digits)} {interval(record[name].low, record[name].high, digits)}"

    def largest(kind: str) -> str:
        names = [name for name in record.quantities if name.startswith(kind)]
        return f"{names[-1].removeprefix(kind)}: {cell(names[-1])}" if names else ""

    return (
        f"{record.target.alpha:g}",
        f"{record.target.b:g}",
        with_interval("accuracy", 3),
        with_interval("length", 1),
        cell("entropy"),
        cell("kl", 3),
        largest("pass@"),
        largest("maj@"),
        number(record.ess, 1),
        number(record.pareto_k, 2),
    )
