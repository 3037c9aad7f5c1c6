"""What a 0/1 reward of weight b makes of a model, from counts of right answers alone.    [T3, T5, T22]

Tilting by e^{br} turns a prompt's accuracy a into A_b = a e^b/(1 - a + a e^b), whatever its responses are, and costs
KL(q‖p) = b A_b - log(1 - a + a e^b) nats. So accuracy, gain, KL and pass@k along b are mean values over the
distribution of prompt accuracies, and the counts are all that the rollouts say of them. Valid at any number of samples:
where n of them leave a number open (a large b, pass@k far beyond n) its interval is as wide as what they allow.

Why not the plain A_b of c/n. A prompt without a right sample would stay at 0 for ever, one with nothing but right ones
at 1, and a large b would decide everything by which prompts happened to show a right answer. The distribution behind
the counts has room for prompts of accuracy 1/100 among those with none right of 16, as many as the other counts make
likely.

>>> known = PromptAccuracies.of_counts(np.full(60, 8), np.repeat([0, 2, 4, 7], 15))
>>> for b, found in zip((1.0, 4.0), along_b(known, [1.0, 4.0]), strict=True):
...     print(f"b = {b:g}: " + ", ".join(f"{name} {found[name].value:.2f}" for name in ("accuracy", "gain", "kl")))
b = 1: accuracy 0.55, gain 0.15, kl 0.07
b = 4: accuracy 0.75, gain 0.34, kl 0.47
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.special import xlogy

from theory.estimation.prompt_accuracies import PromptAccuracies
from theory.estimation.records import Estimate
from theory.rejection import reward_log_draws

FEWEST_PROMPTS = 10
FEW = (f"fewer than {FEWEST_PROMPTS} prompts",)
BS = np.concatenate([np.geomspace(0.02, 16, 33)])  # a budget's best b is looked for here


class AtBudget(NamedTuple):
    """The most that a reward can gain within a budget of KL."""

    gain: Estimate
    kl: float
    """nats that it spends: less than the budget where every prompt that can be solved is solved for less"""


def tilted(accuracy: Float[np.ndarray, " grid"], b: float) -> Float[np.ndarray, " grid"]:
    """A_b of each accuracy; at b = inf all that is ever right becomes always right.    [T3]

    logit A_b = logit a + b. 0 stays 0 and 1 stays 1 at every b. Written with e^{-b}, which cannot overflow.

    >>> tilted(np.array([0.0, 0.1, 0.5, 1.0]), b=2.0).round(3)
    array([0.   , 0.451, 0.881, 1.   ])
    """
    if np.isinf(b):
        return (accuracy > 0).astype(float)
    return accuracy / (accuracy + (1 - accuracy) * np.exp(-b))


def tilt_cost(accuracy: Float[np.ndarray, " grid"], b: float) -> Float[np.ndarray, " grid"]:
    """KL(q_{1,b}‖p) in nats of each accuracy; -log a at b = inf, and 0 where nothing is ever right.    [T5]

    E_q[b r] less the log partition, which is log(1 - a + a e^b): written with expm1, exact for small b and small a.
    0 for a = 1 too: where all is right a reward has nothing to change. Largest in between, at an accuracy that falls
    as b grows: a reward spends most on prompts that it just about solves.

    >>> tilt_cost(np.array([0.0, 0.1, 0.5, 1.0]), b=2.0).round(3)
    array([0.   , 0.408, 0.328, 0.   ])
    """
    if np.isinf(b):
        return -np.log(accuracy, out=np.zeros_like(accuracy), where=accuracy > 0)
    return b * tilted(accuracy, b) - np.log1p(accuracy * np.expm1(b))


def along_b(known: PromptAccuracies, bs: Sequence[float], ks: Sequence[int] = ()) -> list[dict[str, Estimate]]:
    """accuracy, gain, kl, log_draws and pass@k at each b, with profile-likelihood intervals.    [T3, T5, T22, T28]

    No log_draws at b = inf: waiting for the first right answer to a prompt that is never solved has no end.
    """
    values = [_values(known.accuracy, b, ks) for b in bs]
    found = iter(estimates(known, np.stack([row for one in values for row in one.values()])))
    return [{name: next(found) for name in one} for one in values]


def _values(a: Float[np.ndarray, " grid"], b: float, ks: Sequence[int]) -> dict[str, Float[np.ndarray, " grid"]]:
    right = tilted(a, b)
    price = {} if np.isinf(b) else {"log_draws": np.asarray(reward_log_draws(a, b))}
    solved = {f"pass@{k}": _solved(right, k) for k in ks}
    return {"accuracy": right, "gain": right - a, "kl": tilt_cost(a, b), **price, **solved}


def after_filtering(known: PromptAccuracies, draws: Sequence[int]) -> list[Estimate]:
    """Accuracy after supervised training on the right ones of so many samples a prompt, of a table.    [T28]

    What is kept of a prompt has the law of p among its right responses, and a model trained on it is always right
    there; a prompt without a right sample stays as it was, and is right with its old chance a: 1 - (1 - a)^n (1 - a),
    the pass@(n + 1) of the base model.
    """
    return pass_at(known, [n + 1 for n in draws])


def pass_at(known: PromptAccuracies, ks: Sequence[int]) -> list[Estimate]:
    """pass@k of the base model at any k, far beyond the samples too, where only the interval is to be read.    [T22]

    n samples a prompt fix the mean of any polynomial of degree n in the accuracy, and 1 - (1-a)^k is one of degree k.
    For k <= n this is close to the unbiased estimate; beyond, prompts of accuracy 0 and of 1/k cannot be told apart.
    """
    return estimates(known, np.stack([_solved(known.accuracy, k) for k in ks]))


def estimates(known: PromptAccuracies, values: Float[np.ndarray, "functions grid"]) -> list[Estimate]:
    """The mean of each function of a prompt's accuracy, with its profile-likelihood interval.

    The value is that of the likeliest distribution; the limits are the least and greatest values among distributions
    that explain the counts nearly as well. They need no bootstrap and no draws, and are the wider the less is known.
    """
    doubts = FEW if known.prompts < FEWEST_PROMPTS else ()
    # A mean is no smaller than the least of what it is of, though its limits are found to a gap.
    ends = values.min(axis=1), values.max(axis=1)
    value, low, high = (np.clip(x, *ends) for x in (known.mean(values), *known.limits(values)))
    return [
        Estimate(float(own), float(min(least, own)), float(max(most, own)), doubts)
        for own, least, most in zip(value, low, high, strict=True)
    ]


def gain_at_budget(known: PromptAccuracies, budgets: Sequence[float]) -> list[AtBudget]:
    """The largest gain of accuracy at KL(q‖p) <= budget, mean over prompts, in nats.    [T5]

    By duality it is min_b E[log(1 - a + a e^b)/b - a] + budget/b: the smallest of mean values over prompts, so that its
    limits are the smallest of theirs. Beyond what the reward can spend it stays at its last value.

    Why duality. For every policy π and every b, b E_π r <= KL(π‖p) + log E_p e^{br}: the right side less the left is
    KL(π‖q_{1,b}). Divided by b this bounds the gain at each b, and at the b whose tilt spends just the budget the bound
    is reached. A smallest value over a grid of b is thus never too small, and too large by as little as the grid is
    fine. To estimate the best b first and then its gain would have to allow for the choice.
    """
    a = known.accuracy
    bs = BS
    # per nat of b; at b = inf the limit 1{a > 0} - a
    rows = np.stack([*(np.log1p(a * np.expm1(b)) / b - a for b in bs), tilted(a, np.inf) - a])
    low, high = known.limits(rows)
    middle = known.mean(rows)
    doubts = FEW if known.prompts < FEWEST_PROMPTS else ()
    spent = known.mean(np.stack([tilt_cost(a, b) for b in (*bs, np.inf)]))
    found = []
    for budget in budgets:
        price = np.append(budget / bs, 0.0)
        value, least, most = (float(np.min(x + price)) for x in (middle, low, high))
        gain = Estimate(value, min(least, value), max(most, value), doubts)
        found.append(AtBudget(gain, float(min(budget, spent[-1]))))
    return found


def _solved(accuracy, k):
    """1 - (1 - a)^k."""
    return 1 - np.exp(xlogy(k, 1 - accuracy))
