"""How far a run ended from its forecast, prompt by prompt: what makes one prompt harder than another cancels."""

from pathlib import Path

import numpy as np
import pandas as pd

from theory.estimation.intervals import mean_interval
from theory.estimation.reweight import Target, reweight
from theory.estimation.samples import Rollouts


def misses(base: Rollouts, target: Target, run: pd.DataFrame) -> dict[str, tuple[float, float, float]]:
    """(run - forecast, its 95 % interval over prompts) of accuracy, length, log p and KL.

    base: rollouts of the base model; run: rollouts of the trained policy, or of a sampler, on the same prompts. Both
    have few samples of a prompt, and the interval holds that noise as well. nan where a prompt's value is not known:
    the KL of a sampler that gives no log_pi, and everything with a single prompt.
    """
    forecast = pd.DataFrame(reweight(base, target).value, index=base.prompt_id)
    by_prompt = pd.DataFrame(
        {
            "prompt_id": run["prompt_id"],
            "accuracy": np.where(run["finished"].astype(bool), run["reward"], 0.0),
            "length": run["length"],
            "log_p": run["log_p"],
            "kl": run["log_pi"] - run["log_p"] if "log_pi" in run else np.nan,
        }
    )
    ended = by_prompt.groupby("prompt_id").mean().astype(float)
    return {
        name: mean_interval((ended[name] - forecast[name].reindex(ended.index)).to_numpy(), np.random.default_rng(0))
        for name in ended
    }


def responses_of(run: Path) -> pd.DataFrame:
    """The responses that a run, or a sampler's folder, is judged by."""
    return pd.read_parquet(next(file for file in (run / "final.parquet", run / "rollouts.parquet") if file.exists()))
