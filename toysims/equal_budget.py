"""One prompt, sharpened and paid for the task: what each makes of the same distance from the base (T5)."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from theory.budget import sharpening_at_budget, small_budget_ratio, tilting_at_budget
from theory.distribution import expectation, kl
from theory.objectives import Objective
from theory.tilt import log_tilt, task_limit
from toysims.experiment import Part, Row
from toysims.learners.natural_gradient import flow
from toysims.learners.objective import Weights, one
from toysims.verdict import Check, at_most

TIMES = np.concatenate([[0.005, 0.01], np.geomspace(0.1, 4, 12)]) / 3
# A binary reward varies less than log p, so the task goes on for longer.
OBJECTIVES = {"sharpening": (Objective(0.0, 1.0, 0.0), TIMES), "task": (Objective(1.0, 0.0, 0.0), 4 * TIMES)}

Policy = Float[np.ndarray, " k"]


def equal_budget(log_p: Policy, correct: Bool[np.ndarray, " k"], prompt: int) -> Part:
    """One prompt, the flow of each pure regime: at the KL from p that it has reached, its accuracy."""
    reward, correlation = correct.astype(float), float(small_budget_ratio(log_p, correct))
    reference, paid = jnp.asarray(log_p), jnp.asarray(reward)

    @jax.jit
    def run(weights: Weights, times: Float[Array, " times"]) -> Float[Array, "times k"]:
        return flow(weights, reference, reference, paid, times)

    checks: list[Check] = []
    rows: list[Row] = []
    slopes = {}
    base = float(expectation(log_p, reward))
    for name, (objective, times) in OBJECTIVES.items():
        path = np.asarray(run(one(objective), jnp.asarray(times)))
        # The budget is read off the policy; theory is then asked what that budget buys.
        spent, accuracy = np.asarray(kl(path, log_p)), np.asarray(expectation(path, reward))
        bought = np.array([_bought(name, log_p, reward, float(budget)) for budget in spent])
        claim = f"prompt with Corr(r, log p) = {correlation:.2f}, {name}"
        worst = np.abs(bought - accuracy)[2:].max()  # a root of a tiny KL has half the digits
        checks.append(at_most(f"{claim}: accuracy at its KL, largest error", "T5", worst, 1e-7))
        # gain/√KL, extrapolated to no budget.
        slope = (accuracy - base)[:2] / np.sqrt(spent[:2])
        slopes[name] = float(2 * slope[0] - slope[1])
        if name == "sharpening":
            best = np.array([_bought("task", log_p, reward, float(budget)) for budget in spent])
            excess = max(float((accuracy - best).max()), 0.0)
            checks.append(at_most(f"{claim}: lead over the tilt at the same KL", "T5", excess, 1e-9))
        for x, simulated, predicted in zip(spent[2:], accuracy[2:], bought[2:], strict=True):
            row = {"part": "budget", "policy": name, "prompt": prompt, "x": x, "correlation": correlation}
            rows.append({**row, "simulated": simulated, "predicted": predicted, "base": base})
    claim = "gain of sharpening over gain of tilting as KL → 0"
    checks.append(Check(claim, "T5", correlation, slopes["sharpening"] / slopes["task"], 1e-3))
    return checks, rows


def _bought(name: str, log_p: Policy, reward: Policy, budget: float) -> float:
    """The accuracy that this distance from p buys: by sharpening, or as the task buys it, which is the most.    [T5]"""
    if name == "sharpening":
        return float(expectation(log_tilt(log_p, reward, sharpening_at_budget(log_p, budget), 0), reward))
    b = tilting_at_budget(log_p, reward, budget)
    return float(expectation(task_limit(log_p, reward) if np.isinf(b) else log_tilt(log_p, reward, 1, b), reward))
