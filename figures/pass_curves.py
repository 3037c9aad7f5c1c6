"""pass@k and maj@k of the base model and of every arm, from the answers in their rollouts.    [T22]"""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from figures.arms import Look
from figures.runs import Run
from figures.style import COLOURS, PAGE, figure, key
from theory.passk import majority_at_k, pass_at_k

TITLES = {"pass": "pass@k: any of k samples is right", "maj": "maj@k: a vote of k samples is right"}


def curves(table: pd.DataFrame, ks: Sequence[int]) -> dict[str, np.ndarray | None]:
    """{"pass": pass@k, "maj": maj@k}, means over prompts. No maj@k (None) where a vote needs more than the strings:

    a response without an answer, or two spellings of a right one; llm.evaluate knows about those.
    """
    prompts = table.groupby("prompt_id", sort=False)["reward"].agg(["size", "sum"])
    n, c = prompts["size"].to_numpy(), prompts["sum"].to_numpy().astype(int)
    answers = table.groupby(["prompt_id", "answer"], sort=False)["reward"].agg(["size", "mean"]).reset_index()
    right = answers["mean"] == 1
    spelt_once = right.groupby(answers["prompt_id"]).sum().max() <= 1 and answers["mean"].isin([0, 1]).all()
    found: dict[str, np.ndarray | None] = {"pass": np.array([pass_at_k(n, c, k).mean() for k in ks]), "maj": None}
    if table["answer"].notna().all() and (table["answer"] != "").all() and spelt_once:
        votes = [(group["size"].to_numpy(), group["mean"].to_numpy()) for _, group in answers.groupby("prompt_id")]
        found["maj"] = np.array([np.mean([_wins(tuple(counts), k) @ mean for counts, mean in votes]) for k in ks])
    return found


@functools.lru_cache(maxsize=20_000)
def _wins(counts: tuple[int, ...], k: int) -> np.ndarray:
    # Prompts share few patterns of counts, and the exact vote is not cheap.
    return majority_at_k(np.array(counts), k)


def pass_figure(base: Path, runs: Sequence[Run], looks: Mapping[str, Look]):
    """Both panels, k up to the samples of a prompt; seeds of one arm are drawn alike."""
    tables = [("base model", base, COLOURS["base"], "o")]
    tables += [(run.arm, run.folder / "final.parquet", *looks[run.arm]) for run in runs]
    read = [(name, pd.read_parquet(path), colour, marker) for name, path, colour, marker in tables]
    most = min(int(table.groupby("prompt_id").size().min()) for _, table, _, _ in read)
    ks = [2**i for i in range(most.bit_length())]
    with figure(PAGE, 3.2, ncols=2, sharey=True) as (canvas, axes):
        for name, table, colour, marker in read:
            for ax, values in zip(axes, curves(table, ks).values(), strict=True):
                if values is not None:
                    ax.plot(ks, values, marker=marker, color=colour, lw=1, label=name)
        for ax, title in zip(axes, TITLES.values(), strict=True):
            ax.set(title=title, xlabel="k", xscale="log")
            ax.set_xticks(ks, [str(k) for k in ks])
            ax.minorticks_off()
        axes[0].set_ylabel("share of prompts")
        canvas.legend(*key(axes[0]), loc="outside lower center", ncols=5)
    return canvas
