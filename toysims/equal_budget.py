"""One prompt, sharpened and paid for the task: what each makes of the same distance from the base (T5)."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float

from theory.budget import sharpening_at_budget, small_budget_ratio, tilting_at_budget
from theory.tilt import expectation, kl, log_tilt
from toysims.learners.natural_gradient import flow
from toysims.learners.objective import Weights
from toysims.verdict import Check, at_most


def equal_budget(
    log_p: Float[np.ndarray, " k"], right: Bool[np.ndarray, " k"], prompt: int
) -> tuple[list[Check], list[dict]]:
    """One prompt, the flow of each pure regime: at the KL from p that it has reached, its accuracy."""
    reward, correlation = right.astype(float), float(small_budget_ratio(log_p, right))
    times = np.concatenate([[0.005, 0.01], np.geomspace(0.1, 4, 12)]) / 3
    run = jax.jit(lambda weight, times: flow(weight, *(jnp.asarray(x) for x in (log_p, log_p, reward)), times))
    checks, rows, slopes = [], [], {}
    base = float(expectation(log_p, reward))
    for name, weight in (("sharpening", (0.0, 1.0, 0.0)), ("task", (1.0, 0.0, 0.0))):
        reach = times if name == "sharpening" else 4 * times  # a binary reward varies less than log p, so it is slower
        path = np.asarray(run(Weights(*map(jnp.asarray, weight)), jnp.asarray(reach)))
        spent, accuracy = kl(path, log_p), expectation(path, reward)
        # The budget is read off the policy; theory is then asked what that budget buys.
        buys = [
            log_tilt(log_p, reward, sharpening_at_budget(log_p, x), 0)
            if name == "sharpening"
            else log_tilt(log_p, reward, 1, tilting_at_budget(log_p, reward, x))
            for x in spent
        ]
        bought = expectation(np.stack(buys), reward)
        claim = f"prompt with Corr(r, log p) = {correlation:.2f}, {name}"
        worst = np.abs(bought - accuracy)[2:].max()  # a root of a tiny KL has half the digits
        checks.append(at_most(f"{claim}: accuracy at its KL, largest error", "T5", worst, 1e-7))
        # gain/√KL, extrapolated to no budget.
        slope = (accuracy - base)[:2] / np.sqrt(spent[:2])
        slopes[name] = 2 * slope[0] - slope[1]
        if name == "sharpening":
            limit = [np.inf if x >= -np.log(base) else tilting_at_budget(log_p, reward, x) for x in spent]
            best = [1.0 if np.isinf(b) else float(expectation(log_tilt(log_p, reward, 1, b), reward)) for b in limit]
            excess = max(float((accuracy - best).max()), 0.0)
            checks.append(at_most(f"{claim}: lead over the tilt at the same KL", "T5", excess, 1e-9))
        for x, simulated, predicted in zip(spent[2:], accuracy[2:], bought[2:], strict=True):
            row = {"part": "budget", "policy": name, "prompt": prompt, "x": x, "correlation": correlation}
            rows.append({**row, "simulated": simulated, "predicted": predicted, "base": base})
    claim = "gain of sharpening over gain of tilting as KL → 0"
    checks.append(Check(claim, "T5", correlation, float(slopes["sharpening"] / slopes["task"]), 1e-3))
    return checks, rows
