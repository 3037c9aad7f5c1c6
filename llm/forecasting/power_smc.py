"""p^alpha by particles at the model itself: so many a prompt, and four times as many, which must agree.    [T16]

Weights of base samples cannot reach far along alpha; particles that are resampled on the way can, and where they cannot
they move when there are more of them. So each power is asked twice, and is told where the two agree.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float

from llm.base_rollouts import config_beside
from llm.forecasting.config import ForecastConfig
from llm.forecasting.model import Model
from llm.problems import MathProblem
from llm.prompts.form import BARE
from llm.rewards.registry import reward_of
from llm.rewards.reward import Reward
from llm.samplers.base import Request
from llm.samplers.particles import response_ids
from llm.samplers.power_smc import weighted_particles
from theory.estimation.draws import own_draws
from theory.estimation.forecast import FEWEST_PROMPTS, NEGLIGIBLE
from theory.estimation.intervals import ClusterBootstrap
from theory.estimation.records import Estimate, Forecast, Method
from theory.estimation.samples import Rollouts
from theory.estimation.samples_needed import SMALLEST_ESS
from theory.estimation.shares import difference_intervals, share_intervals
from theory.estimation.target import Target

POWERS = (1.25, 2.0)  # the least and the largest that is asked
FACTOR = 4
SURELY = 0.999  # level at which one quantity that moved puts all of them in doubt
MOVED = f"{FACTOR} times the particles say something else"
AT_ONCE = 1024  # particles in one forward pass
CHECKED, MOST_OTHER = 200, 0.02  # responses of the file that are graded again, and how many may differ
SHARES = ("accuracy", "finished")
Grade = Callable[[int, list[list[int]]], Float[np.ndarray, " responses"]]


class Particles(NamedTuple):
    """Means under p^alpha, prompt by prompt, and the effective number of particles behind them."""

    value: dict[str, Float[np.ndarray, " prompts"]]
    ess: Float[np.ndarray, " prompts"]


def forecasts(behind: Model, rollouts: Rollouts, config: ForecastConfig) -> list[Forecast]:
    """A record for each of --alphas between 1.25 and 2. ValueError: there is none, or rewards are not told again."""
    alphas = [alpha for alpha in sorted(set(config.alphas)) if POWERS[0] <= alpha <= POWERS[1]]
    if not alphas:
        raise ValueError(f"--smc asks powers from {POWERS[0]:g} to {POWERS[1]:g}, and none of --alphas lies there")
    grade = grader(behind)
    bootstrap = ClusterBootstrap(len(rollouts.start), own_draws(np.random.default_rng(config.seed), "prompts"))
    base = rollouts.mean(rollouts.reward)
    found = []
    for alpha in alphas:
        few, many = (
            particles(behind, alpha, number, _seed(config.seed, alpha, number), grade)
            for number in (config.smc, FACTOR * config.smc)
        )
        found.append(as_forecast(alpha, few, many, base, bootstrap))
    return found


def particles(behind: Model, alpha: float, number: int, seed: int, grade: Grade) -> Particles:
    """The weighted means of `number` particles a prompt.    [T16]"""
    generator = torch.Generator().manual_seed(seed)
    at_once = max(1, AT_ONCE // number)
    parts = []
    for first in range(0, len(behind.prompt_ids), at_once):
        asked = behind.prompt_ids[first : first + at_once]
        request = Request(behind.model, behind.tokenizer, asked, number, behind.max_new_tokens, behind.stops, generator)
        parts.append(_means(request, alpha, number, lambda group, ids, first=first: grade(first + group, ids)))
    values = {name: np.concatenate([part.value[name] for part in parts]) for name in parts[0].value}
    return Particles(values, np.concatenate([part.ess for part in parts]))


@torch.no_grad()
def _means(request: Request, alpha: float, number: int, grade: Grade) -> Particles:
    cloud, stages = weighted_particles(request, number, alpha)
    responses = response_ids(cloud.tokens)
    group, log_p = cloud.group.numpy(), cloud.log_p.numpy()
    score = cloud.log_weight.numpy() + np.log(cloud.count.numpy())
    rows: dict[str, list[float]] = {name: [] for name in ("accuracy", "length", "log_p", "finished")}
    for prompt in range(len(request.prompt_ids)):
        here = np.flatnonzero(group == prompt)
        own = [responses[row] for row in here]
        weight = np.exp(score[here] - score[here].max())
        weight /= weight.sum()
        done = np.array([bool(ids) and ids[-1] in request.stops for ids in own], float)
        columns = (grade(prompt, own) * done, np.array([len(ids) for ids in own], float), log_p[here], done)
        for name, column in zip(rows, columns, strict=True):
            rows[name].append(float(weight @ column))
    value = {name: np.array(column) for name, column in rows.items()}
    log_z = stages.log_z.numpy()
    value["kl"] = (alpha - 1) * value["log_p"] - log_z
    value["entropy"] = log_z - alpha * value["log_p"]
    return Particles(value, (1 / stages.inverse_ess).numpy())


def as_forecast(
    alpha: float,
    few: Particles,
    many: Particles,
    base: Float[np.ndarray, " prompts"],
    bootstrap: ClusterBootstrap,
) -> Forecast:
    """What four times the particles say; in doubt where it is not what the few said, or hangs on few of them.

    A self-normalised mean of N particles is off by c/N, so that the many are off by a third of what lies between the
    two: that is added to the interval. Where one number surely moved, the particles as a whole have not settled, and
    all are in doubt. base: accuracy of the base model, prompt by prompt.
    """
    large, small = ({**own.value, "gain": own.value["accuracy"] - base} for own in (many, few))
    names = list(large)
    values, moved = np.stack(list(large.values()), 1), np.stack([large[name] - small[name] for name in names], 1)
    low, high = bootstrap.interval(values)
    low_moved, high_moved = bootstrap.interval(moved)
    low_surely, high_surely = bootstrap.interval(moved, SURELY)
    left = np.abs(moved.mean(axis=0)) / (FACTOR - 1)
    ess = float(many.ess.mean())
    few_left = f"fewer than {SMALLEST_ESS:g} effective particles a prompt"
    general: tuple[str, ...] = () if ess >= SMALLEST_ESS else (few_left,)
    if np.any((low_surely > 0) | (high_surely < 0)):
        general += (MOVED,)
    if len(base) < FEWEST_PROMPTS:
        general += (f"fewer than {FEWEST_PROMPTS} prompts",)
    quantities = {}
    for place, name in enumerate(names):
        share = name in (*SHARES, "gain")
        ends = np.array([low[place], high[place]])
        if share and len(base) > 1:
            intervals = difference_intervals if name == "gain" else share_intervals
            ends = intervals(values[:, place : place + 1], bootstrap)[:, 0]
        still = low_moved[place] <= 0 <= high_moved[place]
        small_enough = left[place] <= max((ends[1] - ends[0]) / 2, NEGLIGIBLE if share else 0.0)
        agree = () if still and small_enough else (MOVED,)
        bounds = (-1.0, 1.0) if name == "gain" else (0.0, 1.0) if share else (-np.inf, np.inf)
        low_end, high_end = np.clip([ends[0] - left[place], ends[1] + left[place]], *bounds)
        value = float(np.mean(values[:, place]))
        quantities[name] = Estimate(value, float(low_end), float(high_end), tuple(dict.fromkeys((*general, *agree))))
    return Forecast(Target(alpha, 0.0), Method.POWER_SMC, ess, np.nan, quantities, None)


def grader(behind: Model) -> Grade:
    """The reward that made the rollouts. ValueError where it is not known: the file's own rewards are told again."""
    option = str(config_beside(behind.scoring.rollouts).get("reward") or "boxed")
    reward, table = reward_of(option), behind.table
    problems = [_problem(row) for row in table.drop_duplicates("prompt_id").to_dict("records")]
    _check(reward, table, option)

    def grade(prompt: int, responses: list[list[int]]) -> np.ndarray:
        texts = behind.decoded(responses)
        done = [bool(ids) and ids[-1] in behind.stops for ids in responses]
        return np.array(reward.scores(texts, [problems[prompt]] * len(texts), done, BARE), float)

    return grade


def _check(reward: Reward, table: Any, option: str) -> None:
    some = table.iloc[np.unique(np.linspace(0, len(table) - 1, CHECKED).round().astype(int))]
    finished = some["finished"].astype(bool).tolist() if "finished" in some else [True] * len(some)
    problems = [_problem(row) for row in some.to_dict("records")]
    try:
        again = np.array(reward.scores(some["response"].astype(str).tolist(), problems, finished, BARE), float)
    except ValueError as error:
        raise ValueError(f"--smc grades new responses by --reward {option}, which failed: {error}") from None
    other = float(np.mean(np.abs(again - some["reward"].to_numpy(float) * np.array(finished)) > 1e-6))
    if other > MOST_OTHER:
        raise ValueError(
            f"--smc has to grade new responses, and --reward {option} gives another reward than the file on "
            f"{100 * other:.0f} % of its own; it works on folders of llm.sample, which say how they were graded"
        )


def _problem(row: dict[str, Any]) -> MathProblem:
    columns = {str(name): value for name, value in row.items()}
    return MathProblem(str(row["prompt_id"]), str(row.get("prompt", "")), str(row.get("answer", "")), columns=columns)


def _seed(seed: int, alpha: float, number: int) -> int:
    """Draws of one's own: what is drawn for a power does not depend on which others were asked."""
    return int(own_draws(np.random.default_rng(seed), f"power-smc {alpha} {number}").integers(2**62))
