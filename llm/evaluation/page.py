"""What an evaluation prints: a row a table of rollouts, a sentence on top, columns that a narrow terminal holds."""

import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np

from harness.text_table import table, without_shared_beginning
from llm.wording import UNKNOWN, interval, number

Numbers = Mapping[str, Mapping[str, float]]
WIDTH = 80
OF_K = ("pass@", "maj@", "best-of-")


def page(result: Mapping[str, Any], columns: int) -> str:
    """result: what evaluation.json holds, which has every k; here are the smallest and the largest.

    All tables have the same quantities in the same order: the mean reward where rewards are not 0 and 1, then those of
    rising k. The first is the one that is compared.
    """
    tables: Mapping[str, Numbers] = result["tables"]
    shared, short = without_shared_beginning(list(tables))
    names = dict(zip(tables, short, strict=True))
    first = result["differences_to"]
    quantities = list(tables[first])
    score = quantities[0]
    lines = [_fill(said(result, names, score)), ""]
    lines += [f"in {shared}/", ""] if shared else []
    lines += [table(*_first_table(result, names, score), columns)]
    if largest := _largest(quantities):
        rows = [(names[own], *(_cell(numbers[name]) for name in largest)) for own, numbers in tables.items()]
        lines += ["", table(("%", *largest), rows, columns)]
    lines += [
        "",
        _fill(f"{result['level']:.0%} intervals over prompts; differences are paired by prompt, to {names[first]}."),
    ]
    return "\n".join(lines) + "\n"


def said(result: Mapping[str, Any], names: Mapping[str, str], score: str) -> str:
    """What was learnt, in a sentence."""
    first, differences = result["differences_to"], result["differences"]
    of_first = result["tables"][first][score]
    if not differences:
        return (
            f"{names[first]}: {_word(score)} {number(100 * of_first['value'], 1)} % "
            f"{interval(100 * of_first['low'], 100 * of_first['high'], 1)} on {result['prompts'][first]} prompts."
        )
    told = {names[name]: own[score] for name, own in differences.items()}
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
        difference = (_difference(differences[own][score]) if own in differences else "",)
        rows.append(
            (
                names[own],
                _cell(numbers[score]),
                *(difference if differences else ()),
                number(numbers["length"]["value"], 1),
                number(100 * numbers["truncated"]["value"], 1),
                number(numbers["kl"]["value"], 2),
            )
        )
    return header, rows


def _largest(quantities: list[str]) -> list[str]:
    """pass@k, maj@k and best-of-k with the largest k, where that is more than 1."""
    found = ([name for name in quantities if name.startswith(kind)][-1] for kind in OF_K)
    return [name for name in found if not name.endswith(("@1", "-1"))]


def _word(score: str) -> str:
    """A quantity's name; of the smallest k that was asked for, only pass@1 is the accuracy."""
    return {"reward": "mean reward", "pass@1": "accuracy"}.get(score, score)


def _cell(share: Mapping[str, float]) -> str:
    """A share in per cent with its interval."""
    if np.isnan(share["value"]):
        return UNKNOWN
    return f"{number(100 * share['value'], 1)} {interval(100 * share['low'], 100 * share['high'], 1)}"


def _difference(numbers: Mapping[str, float]) -> str:
    """Of two shares, and whether its interval lies above 0, below, or on both sides."""
    mark = "▲" if numbers["low"] > 0 else "▼" if numbers["high"] < 0 else "·"
    ends = interval(100 * numbers["low"], 100 * numbers["high"], 1, "+")
    return f"{number(100 * numbers['value'], 1, '+')} {ends} {mark}"


def _fill(text: str) -> str:
    return textwrap.fill(text, WIDTH)
