"""GRPO trained on log p by groups of 4 to 64 samples, below and above the critical KL weight of large groups (T25)."""

import numpy as np
from jaxtyping import Float

from theory.distribution import expectation
from theory.finite_group import finite_group_optimum
from theory.saddle_node import critical_beta
from toysims.experiment import Part, Row
from toysims.learners.counted import Policies, drawn, grpo, pushed, rloo, train
from toysims.verdict import Check, monte_carlo

MULTIPLES = (0.3, 0.5, 0.7, 1.2, 2.0)  # of β_c; the first three are where large groups have no fixed point
GROUPS = (4, 8, 16, 64)
PROMPTS = 64  # groups a step


def ends(log_p: Float[np.ndarray, " k"], generator: np.random.Generator, steps: int, replicas: int) -> Part:
    """The mean log p that training ends at, from p, in every cell of MULTIPLES x GROUPS."""
    checks: list[Check] = []
    rows: list[Row] = []
    for multiple in MULTIPLES:
        beta = multiple * critical_beta(log_p)
        for group in GROUPS:
            mean_pi = train_grpo(log_p, beta, group, generator, steps, replicas)
            found = mean_pi @ log_p
            predicted = float(expectation(finite_group_optimum(log_p, log_p, beta, group), log_p))
            claim = f"GRPO at {multiple:g} β_c, groups of {group}: mean log p"
            checks.append(monte_carlo(claim, "T25", predicted, found))
            error = float(found.std(ddof=1)) / replicas**0.5
            cell = {"multiple": multiple, "x": group, "mean_log_p": float(found.mean()), "error": error}
            rows.append({"part": "group", **cell, "theory": predicted, "mode": float(log_p.max())})
    return checks, rows


def train_grpo(
    log_p: Float[np.ndarray, " k"],
    beta: float,
    group: int,
    generator: np.random.Generator,
    steps: int,
    replicas: int,
) -> Policies:
    """Mean of π over the second half: log p standardised within each group, the KL penalty beside it."""
    pace = 0.3
    floor = 0.1 / (PROMPTS * group)

    def push(log_pi: Policies, generator: np.random.Generator) -> Policies:
        counts = drawn(log_pi, PROMPTS, group, generator)
        weight = grpo(counts, log_p) - beta * rloo(counts, log_pi - log_p)
        return pushed(counts, weight, log_pi, floor)

    return train(push, log_p, steps, replicas, pace / beta, generator).mean_pi
