"""RLOO gradients drawn again and again: their signal and noise, and how the noise dies out on the way to p^α (T15)."""

from typing import Literal, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Shaped

from theory.dynamics import mirror_line
from theory.noise import (
    GradientMoments,
    leave_one_out_advantage,
    return_variance,
    rloo_gradient_noise,
    token_gradient_moments,
)
from theory.objectives import regime
from theory.tilt import log_tilt
from toysims.experiment import Part, Row
from toysims.learners.natural_gradient import mirror_step
from toysims.learners.objective import one, returns
from toysims.verdict import STANDARD_ERRORS, Check, at_most, monte_carlo

LENGTHS = (1, 4, 16, 64)
GROUPS = (2, 4, 16, 64)
LONG = 16  # tokens at which the group size is varied
CORRECT = 0  # the token that is the correct answer

Pay = Literal["sharpening", "task"]


class Estimate(NamedTuple):
    """A mean over replicas, and its standard error."""

    value: float
    error: float


def predicted(log_p: Float[np.ndarray, " v"], tokens: int, pay: Pay) -> GradientMoments:
    """What theory needs to know of the gradient: sharpening pays every token its log p, the task the last token."""
    if pay == "sharpening":
        return token_gradient_moments(log_p, log_p, tokens, paid=tokens)
    return token_gradient_moments(log_p, (np.arange(len(log_p)) == CORRECT).astype(float), tokens, paid=1)


def sampled_gradients(
    log_p: Float[np.ndarray, " v"], tokens: int, pay: Pay, group: int, generator: np.random.Generator, replicas: int
) -> tuple[Float[np.ndarray, "replicas tokens v"], Float[np.ndarray, "replicas group"]]:
    """RLOO gradients of many groups, and all returns."""
    p = np.exp(log_p)
    drawn = generator.choice(len(p), size=(replicas, group, tokens), p=p)
    paid = log_p[drawn].sum(axis=-1) if pay == "sharpening" else (drawn[..., -1] == CORRECT).astype(float)
    advantage = leave_one_out_advantage(paid) / group
    gradient = np.zeros((replicas, tokens, len(p)))
    for token in range(len(p)):
        gradient[..., token] = np.einsum("rg,rgt->rt", advantage, drawn == token)
    # Advantages of a group add up to nothing, so the -p of every score cancels.
    return gradient, paid


def measured(
    gradient: Float[np.ndarray, "replicas tokens v"], paid: Shaped[np.ndarray, "replicas group"]
) -> dict[str, Estimate]:
    """Signal |g|², noise tr Cov(ĝ) and variance of the return."""
    flat = gradient.reshape(len(gradient), -1)
    half = len(flat) // 2
    # Two independent gradients: their product has |g|² as its mean, without the noise that |ĝ|² has on top.
    products = np.einsum("rx,rx->r", flat[:half], flat[half : 2 * half])
    deviations = ((flat - flat.mean(axis=0)) ** 2).sum(axis=1) * len(flat) / (len(flat) - 1)
    within = paid.var(axis=1, ddof=1)
    samples = {"signal": products, "noise": deviations, "variance of the return": within}
    return {name: Estimate(float(x.mean()), float(x.std(ddof=1)) / len(x) ** 0.5) for name, x in samples.items()}


def lengths_and_groups(log_p: Float[np.ndarray, " v"], generator: np.random.Generator, replicas: int) -> Part:
    """Signal and noise at π = p, against the number of tokens and against the group size."""
    checks: list[Check] = []
    rows: list[Row] = []
    pays: tuple[Pay, ...] = ("sharpening", "task")
    settings = [("length", tokens, 8) for tokens in LENGTHS] + [("group", LONG, group) for group in GROUPS]
    for part, tokens, group in settings:
        for pay in pays:
            moments = predicted(log_p, tokens, pay)
            noise = rloo_gradient_noise(moments, group)
            expected = {"signal": moments.signal, "noise": noise, "variance of the return": moments.variance}
            found = measured(*sampled_gradients(log_p, tokens, pay, group, generator, replicas))
            row: Row = {"part": part, "policy": pay, "x": tokens if part == "length" else group}
            for name, (value, error) in found.items():
                claim = f"{pay}, {tokens} tokens, groups of {group}: {name}"
                checks.append(Check(claim, "T15", expected[name], value, STANDARD_ERRORS * error))
                row |= {name: value, f"{name} theory": expected[name]}
            # The root of signal over noise; a sampled signal may come out negative where noise hides it.
            row["ratio"] = (max(found["signal"].value, 0.0) / found["noise"].value) ** 0.5
            rows.append({**row, "ratio theory": (moments.signal / noise) ** 0.5})
    return checks, rows


def on_the_way(
    log_p: Float[np.ndarray, " v"],
    alpha: float,
    generator: np.random.Generator,
    replicas: int,
    step_size: float = 0.2,
    steps: tuple[int, ...] = (0, 2, 5, 10, 20, 40, 80),
) -> Part:
    """Training towards p^α with its entropy term: the variance of sampled returns falls to nothing."""
    objective, nothing = regime("tempered", alpha=alpha), np.zeros_like(log_p)
    weights, reference, reward = one(objective), jnp.asarray(log_p), jnp.asarray(nothing)
    checks: list[Check] = []
    rows: list[Row] = []
    log_pi, spread = reference, np.nan
    for k in range(steps[-1] + 1):
        if k in steps:
            on_line = log_tilt(log_p, nothing, float(mirror_line(objective, step_size, k).alpha), 0)
            variance = float(return_variance(objective, on_line, log_p, nothing))
            gain = np.asarray(returns(weights, log_pi, reference, reward))
            pi = np.exp(np.asarray(log_pi))
            drawn = gain[generator.choice(len(pi), size=(replicas, 8), p=pi / pi.sum())].var(axis=1, ddof=1)
            checks.append(monte_carlo(f"step {k} towards p^α: variance of the return", "T15", variance, drawn))
            row = {"part": "way", "policy": "tempered", "x": k, "variance of the return": drawn.mean()}
            rows.append({**row, "variance of the return theory": variance})
        log_pi, info = mirror_step(weights, log_pi, reference, reward, step_size)
        spread = float(info.spread)
    checks.append(at_most("at p^α: standard deviation of the return", "T15", spread, 1e-6))
    return checks, rows
