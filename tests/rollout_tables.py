"""Rollouts of a small policy whose distribution is known: five responses to each prompt, three answers."""

import numpy as np
import pandas as pd
from scipy.special import log_softmax

from llm.rollout_table import from_table

ANSWERS = np.array([1, 1, 2, 3, 2])


PROMPTS = 40


def responses(number, spread=1.0):
    """(log_p, length) of five responses to a prompt; answer 1 is right, and short responses are likely."""
    generator = np.random.default_rng(number)
    length = np.array([12, 4, 5, 20, 7])
    return log_softmax(spread * generator.normal(size=5) - length / 6), length


def table_of(drawn, spread=1.0):
    """Rollouts with the given response numbers of each prompt."""
    parts = []
    for number, y in enumerate(drawn):
        log_p, length = responses(number, spread)
        parts.append(
            pd.DataFrame(
                {
                    "prompt_id": f"p{number}",
                    "sample": np.arange(len(y)),
                    "prompt": f"{number}+1=",
                    "response": [f"way {i} \\boxed{{{ANSWERS[i]}}}" for i in y],
                    "answer": "1",
                    "reward": (ANSWERS[y] == 1).astype(float),
                    "log_p": log_p[y],
                    "length": length[y],
                    "finished": True,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def sampled(samples=24, spread=1.0, prompts=PROMPTS):
    generator = np.random.default_rng(7)
    return table_of(
        [generator.choice(5, size=samples, p=np.exp(responses(number, spread)[0])) for number in range(prompts)], spread
    )


COMPLETE = from_table(table_of([np.arange(5)] * PROMPTS))
