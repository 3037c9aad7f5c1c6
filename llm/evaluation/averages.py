"""One line of numbers about a table of rollouts: means over prompts, each with its standard error."""

import pandas as pd


def summarise(rollouts: pd.DataFrame) -> dict[str, float]:
    """accuracy, length, log_p, kl, entropy, finished of a table; each with NAME_se, the standard error over prompts.

    kl is E_pi[log pi - log p] and entropy the token entropies summed along a response (chain rule), both in nats a
    response and both estimated from the policy's own samples. The error of a lone prompt is nan.
    """
    columns = pd.DataFrame(
        {
            "prompt_id": rollouts["prompt_id"],
            "accuracy": rollouts["reward"],
            "length": rollouts["length"],
            "log_p": rollouts["log_p"],
            "kl": rollouts["log_pi"] - rollouts["log_p"],
            "entropy": rollouts["entropy"],
            "finished": rollouts["finished"],
        }
    ).astype({"finished": float})
    by_prompt = columns.groupby("prompt_id").mean()
    errors = by_prompt.sem()
    return {
        **{name: float(by_prompt[name].mean()) for name in by_prompt},
        **{f"{name}_se": float(errors[name]) for name in by_prompt},
    }
