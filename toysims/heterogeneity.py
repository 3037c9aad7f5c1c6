"""python -m toysims.heterogeneity: many prompts, each with its own diversity gap, sharpened or paid for the task.

pass@1 can rise while pass@k falls (T22), prompt by prompt as the gap says (T3); and at an equal distance from the base
model no policy is more accurate than the tilt (T5).
"""

from dataclasses import dataclass
from pathlib import Path

from theory.command import parse

KS = (1, 2, 4, 8, 16, 32, 64, 128)
SAMPLES = 256  # responses to each prompt, from which pass@k is estimated


@dataclass(frozen=True)
class HeterogeneityConfig:
    """Train a policy for each of many prompts, by sharpening and by task reward, and compare pass@k with theory."""

    prompts: int = 400
    """prompts, each with its own policy"""
    k: int = 24
    """responses to a prompt"""
    alpha: float = 4.0
    """power of the tempered policies"""
    beta: float = 0.5
    """KL weight of the tilted policies"""
    seed: int = 0
    """seed of the prompts and of the responses"""
    output_dir: Path | None = None
    """run folder; by default a new one under runs/"""
    overwrite: bool = False
    """replace the run that --output-dir holds"""

    def __post_init__(self):
        if not 50 <= self.prompts <= 20_000:
            raise ValueError(f"--prompts must be between 50 and 20000, got {self.prompts}")
        if not 6 <= self.k <= 1000:
            raise ValueError(f"--k must be between 6 and 1000, got {self.k}")
        if not 1 < self.alpha <= 20:
            raise ValueError(f"--alpha must be above 1 and at most 20, got {self.alpha}")
        if not 0.05 <= self.beta <= 100:
            raise ValueError(f"--beta must be between 0.05 and 100, got {self.beta}")


def draw_prompts(generator, prompts, k):
    """log p and correctness of k responses to each prompt.

    A share of the prompts, drawn one by one, is answered in few ways or in many, and the right ones are more or less
    likely: so both the base log-odds and the diversity gap differ from prompt to prompt.
    """
    import numpy as np

    right = np.argsort(generator.random((prompts, k)), axis=1) < generator.integers(1, k // 2 + 1, (prompts, 1))
    lean = generator.normal(1.0, 1.5, (prompts, 1))
    logits = generator.normal(0.0, 1.2, (prompts, k)) + lean * right
    return logits - np.logaddexp.reduce(logits, axis=1, keepdims=True), right


def trained(log_p, right, objective, step_size=0.5, steps=60):
    """log π of every prompt after mirror ascent of J, all prompts at once."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from toysims.natural_gradient import mirror_step
    from toysims.objective import weights

    weight = jax.tree.map(lambda x: x[0], weights([objective]))
    step = step_size / objective.entropy_weight

    def ascend(log_p, reward):
        return jax.lax.scan(
            lambda log_pi, _: (mirror_step(weight, log_pi, log_p, reward, step)[0], None), log_p, None, length=steps
        )[0]

    return np.asarray(jax.jit(jax.vmap(ascend))(jnp.asarray(log_p), jnp.asarray(right, dtype=jnp.float64)))


def pass_curves(config, log_p, right, generator):
    """pass@k of the base, the tempered and the tilted policies: predicted, trained, and estimated from samples."""
    import numpy as np
    from scipy.special import expit

    from theory.objectives import regime
    from theory.passk import crossover, pass_at_k, population_pass_at_k
    from theory.tilt import log_odds_terms
    from toysims.verdict import STANDARD_ERRORS, Check, at_most

    regimes = {
        "base": (None, 1.0, 0.0),
        "tempered": (regime("tempered", alpha=config.alpha), config.alpha, 0.0),
        "tilted": (regime("tilted", beta=config.beta), 1.0, 1 / config.beta),
    }
    checks, rows, predicted, found = [], [], {}, {}
    for name, (objective, alpha, b) in regimes.items():
        predicted[name] = expit(log_odds_terms(log_p, right, alpha, b).total)
        log_pi = log_p if objective is None else trained(log_p, right, objective)
        pi = np.exp(log_pi)
        found[name] = np.minimum((pi * right).sum(axis=1), 1.0)
        worst = np.abs(found[name] - predicted[name]).max()
        checks.append(at_most(f"{name}: accuracy of a prompt, largest error", "T3", worst, 1e-8))
        # Given the prompts, only the samples are random: their error is that of the mean over prompts.
        correct = generator.binomial(SAMPLES, found[name])
        for k in KS:
            estimate = pass_at_k(SAMPLES, correct, k)
            exact = population_pass_at_k(predicted[name], k)
            noise = np.sqrt(_pass_variance(predicted[name], k).sum()) / len(estimate)
            claim = f"{name}: pass@{k} from {SAMPLES} samples"
            checks.append(Check(claim, "T22", exact, float(estimate.mean()), STANDARD_ERRORS * noise))
            row = {"part": "pass", "policy": name, "x": k, "simulated": estimate.mean(), "predicted": exact}
            rows.append({**row, "error": noise})
    for name in ("tempered", "tilted"):
        for k in (KS[0], KS[-1]):
            gains = [
                float(population_pass_at_k(x[name], k) - population_pass_at_k(x["base"], k)) for x in (predicted, found)
            ]
            checks.append(Check(f"{name}: gain in pass@{k}", "T22", *gains, 1e-8))
    # As 1/k, so that curves that never meet cross at 0.
    meets = [1 / np.nan_to_num(crossover(x["tempered"], x["base"]), nan=np.inf) for x in (predicted, found)]
    checks.append(Check("1/k where the tempered curve crosses the base", "T22", *meets, 1e-6))
    rows.append({"part": "crossover", "x": 1 / meets[1] if meets[1] else np.nan})
    return checks, rows


def _pass_variance(accuracy, k):
    """Variance of the unbiased pass@k estimate of each prompt, over the binomial number of correct samples."""
    import numpy as np
    from scipy.stats import binom

    from theory.passk import pass_at_k

    counts = np.arange(SAMPLES + 1)
    pmf = binom.pmf(counts, SAMPLES, accuracy[:, None])
    value = pass_at_k(SAMPLES, counts, k)
    return np.maximum(pmf @ value**2 - (pmf @ value) ** 2, 0.0)


def equal_budget(log_p, right, prompt):
    """One prompt, the flow of each pure regime: at the KL from p that it has reached, its accuracy."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from theory.budget import sharpening_at_budget, small_budget_ratio, tilting_at_budget
    from theory.tilt import expectation, kl, log_tilt
    from toysims.natural_gradient import flow
    from toysims.objective import Weights
    from toysims.verdict import Check, at_most

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


def simulate(config: HeterogeneityConfig, generator, run):
    """pass@k over all prompts, and the two prompts where sharpening helps most and least."""
    import numpy as np
    import pandas as pd

    from figures import run_folder
    from figures.heterogeneity import heterogeneity_figure
    from theory.budget import small_budget_ratio
    from toysims.experiment import Outcome

    log_p, right = draw_prompts(generator, config.prompts, config.k)
    run.stage("pass@k")
    checks, rows = pass_curves(config, log_p, right, generator)
    run.stage("equal budget")
    correlation = small_budget_ratio(log_p, right)
    for prompt in (int(np.argmax(correlation)), int(np.argmin(correlation))):
        new = equal_budget(log_p[prompt], right[prompt], prompt)
        checks, rows = checks + new[0], rows + new[1]
    table = pd.DataFrame(rows)
    run_folder.write(run.output_dir / "heterogeneity.parquet", table.to_parquet)
    summary = {"seed": config.seed, "prompts": config.prompts}
    return Outcome(checks, summary, {"heterogeneity.png": heterogeneity_figure(table)})


def prepare(config: HeterogeneityConfig):
    """The generator of prompts and samples."""
    import numpy as np

    return np.random.default_rng(config.seed)


def main(arguments=None):
    config = parse(HeterogeneityConfig, "toysims.heterogeneity", arguments)
    from toysims.experiment import run

    run("toysims.heterogeneity", config, prepare, simulate, stages=2)


if __name__ == "__main__":
    main()
