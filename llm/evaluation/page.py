"""What an evaluation prints: a row a table of rollouts, a sentence on top, columns that a narrow terminal holds."""

import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np

from harness.text_table import table, without_shared_beginning
from llm.wording import UNKNOWN, interval, number

Numbers = Mapping[str, Mapping[str, float]]
NOTHING = {"value": np.nan, "low": np.nan, "high": np.nan}
WIDTH = 80
PER_CENT = ("pass@", "maj@", "best-of-", "truncated", "reward")


def page(result: Mapping[str, Any], columns: int) -> str:
    """result: what evaluation.json holds, which has every k; here are the smallest and the largest."""
    tables: Mapping[str, Numbers] = result["tables"]
    shared, short = without_shared_beginning(list(tables))
    names = dict(zip(tables, short, strict=True))
    first = result["differences_to"]
    quantities = list(dict.fromkeys(name for own in tables.values() for name in own))
    score = "reward" if "reward" in quantities else quantities[0]
    lines = [_fill(said(result, names, score)), ""]
    lines += [f"in {shared}/", ""] if shared else []
    lines += [table(*_first_table(result, names, score), columns)]
    if largest := _largest(quantities):
        rows = [
            (names[own], *(_cell(numbers.get(name, NOTHING), name) for name in largest))
            for own, numbers in tables.items()
        ]
        lines += ["", table(("%", *largest), rows, columns)]
    lines += [
        "",
        _fill(f"{result['level']:.0%} intervals over prompts; differences are paired by prompt, to {names[first]}."),
    ]
    return "\n".join(lines) + "\n"


def said(result: Mapping[str, Any], names: Mapping[str, str], score: str) -> str:
    """What was learnt, in a sentence."""
    first, differences = result["differences_to"], result["differences"]
    of_first = result["tables"][first].get(score, NOTHING)
    if not differences:
        return (
            f"{names[first]}: {_word(score)} {number(100 * of_first['value'], 1)} % "
            f"{interval(100 * of_first['low'], 100 * of_first['high'], 1)} on {result['prompts'][first]} prompts."
        )
    told = {names[name]: own.get(score, NOTHING) for name, own in differences.items()}
    above = [name for name, own in told.items() if own["low"] > 0]
    below = [name for name, own in told.items() if own["high"] < 0]
    level = [name for name in told if name not in (*above, *below)]
    parts = [
        f"{', '.join(own)} {'are' if len(own) > 1 else 'is'} {what}"
        for own, what in ((above, "above it"), (below, "below it"), (level, "not told apart from it"))
        if own
    ]
    return f"In {_word(score)}, against {names[first]}: {'; '.join(parts)}."


def _first_table(
    result: Mapping[str, Any], names: Mapping[str, str], score: str
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    differences = result["differences"]
    header = ("", f"{_word(score)} %", *(("difference",) if differences else ()), "length", "cut off %", "KL")
    rows = []
    for own, numbers in result["tables"].items():
        difference = (_difference(differences[own].get(score, NOTHING)) if own in differences else "",)
        rows.append(
            (
                names[own],
                _cell(numbers.get(score, NOTHING), score),
                *(difference if differences else ()),
                number(numbers.get("length", NOTHING)["value"], 1),
                number(100 * numbers.get("truncated", NOTHING)["value"], 1),
                number(numbers.get("kl", NOTHING)["value"], 2),
            )
        )
    return header, rows


def _largest(quantities: list[str]) -> list[str]:
    """pass@k, maj@k and best-of-k with the largest k, where that is more than 1."""
    found = (next((name for name in reversed(quantities) if name.startswith(kind)), "") for kind in PER_CENT[:3])
    return [name for name in found if name and not name.endswith(("@1", "-1"))]


def _word(score: str) -> str:
    return "mean reward" if score == "reward" else "accuracy"


def _cell(numbers: Mapping[str, float], name: str) -> str:
    times = 100 if name.startswith(PER_CENT) else 1
    if np.isnan(numbers["value"]):
        return UNKNOWN
    return f"{number(times * numbers['value'], 1)} {interval(times * numbers['low'], times * numbers['high'], 1)}"


def _difference(numbers: Mapping[str, float]) -> str:
    if np.isnan(numbers["value"]):
        return UNKNOWN
    mark = "▲" if numbers["low"] > 0 else "▼" if numbers["high"] < 0 else "·"
    ends = interval(100 * numbers["low"], 100 * numbers["high"], 1, "+")
    return f"{number(100 * numbers['value'], 1, '+')} {ends} {mark}"


def _fill(text: str) -> str:
    return textwrap.fill(text, WIDTH)
