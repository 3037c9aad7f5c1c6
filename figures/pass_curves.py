"""pass@k of the base model and of every arm, from the rewards of their rollouts.    [T22]

maj@k needs the answers that were voted for: llm.evaluate reads them out of the responses, figures.evaluation draws it.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from figures.arms import Look
from figures.runs import Run
from figures.style import COLOURS, figure, key
from theory.passk import pass_at_k


def curve(table: pd.DataFrame, ks: Sequence[int]) -> list[float]:
    """Unbiased pass@k, averaged over prompts, for each k up to the samples of a prompt.    [T22]"""
    prompts = table.groupby("prompt_id")["reward"].agg(["size", "sum"])
    n, c = prompts["size"].to_numpy(), prompts["sum"].to_numpy().astype(int)
    return [float(pass_at_k(n, c, k).mean()) for k in ks]


def pass_figure(base: Path, runs: Sequence[Run], looks: Mapping[str, Look]):
    """k up to the samples of a prompt; seeds of one arm are drawn alike."""
    tables = [("base model", base, COLOURS["base"], "o")]
    tables += [(run.arm, run.folder / "final.parquet", *looks[run.arm]) for run in runs]
    read = [pd.read_parquet(path, columns=["prompt_id", "reward"]) for _, path, _, _ in tables]
    most = min(int(table.groupby("prompt_id").size().min()) for table in read)
    ks = [2**i for i in range(most.bit_length())]
    with figure(height=3.6) as (canvas, ax):
        for (name, _, colour, marker), table in zip(tables, read, strict=True):
            ax.plot(ks, curve(table, ks), marker=marker, color=colour, lw=1, label=name)
        ax.set(xlabel="k", xscale="log", ylabel="pass@k: any of k samples is right")
        ax.set_xticks(ks, [str(k) for k in ks])
        ax.minorticks_off()
        canvas.legend(*key(ax), loc="outside lower center", ncols=2)
    return canvas
