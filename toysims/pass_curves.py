"""pass@k over many prompts: the base, sharpened and tilted; from theory, as trained, and from samples (T3, T22)."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float
from scipy.special import expit
from scipy.stats import binom

from theory.passk import crossover, pass_at_k, population_pass_at_k
from theory.tilt import log_odds_terms
from toysims.experiment import Part, Row
from toysims.policies.prompts import Prompts, Training, trained
from toysims.verdict import STANDARD_ERRORS, Check, at_most

KS = (1, 2, 4, 8, 16, 32, 64, 128)
SAMPLES = 256  # responses to each prompt, from which pass@k is estimated


def curves(policies: Mapping[str, Training], prompts: Prompts, generator: np.random.Generator) -> Part:
    """Accuracy prompt by prompt, pass@k and its gains, and where the sharpened curve crosses the base."""
    log_p, correct = prompts
    checks: list[Check] = []
    rows: list[Row] = []
    predicted, found = {}, {}
    for name, (objective, target) in policies.items():
        predicted[name] = expit(log_odds_terms(log_p, correct, float(target.alpha), float(target.b)).total)
        pi = np.exp(trained(prompts, objective))
        found[name] = np.minimum((pi * correct).sum(axis=1), 1.0)
        worst = np.abs(found[name] - predicted[name]).max()
        checks.append(at_most(f"{name}: accuracy of a prompt, largest error", "T3", worst, 1e-8))
        # Given the prompts, only the samples are random: their error is that of the mean over prompts.
        counts = generator.binomial(SAMPLES, found[name])
        for k in KS:
            estimate = np.asarray(pass_at_k(SAMPLES, counts, k))
            exact = float(population_pass_at_k(predicted[name], k))
            noise = float(np.sqrt(pass_variance(predicted[name], k).sum())) / len(estimate)
            claim = f"{name}: pass@{k} from {SAMPLES} samples"
            checks.append(Check(claim, "T22", exact, float(estimate.mean()), STANDARD_ERRORS * noise))
            row = {"part": "pass", "policy": name, "x": k, "simulated": estimate.mean(), "predicted": exact}
            rows.append({**row, "error": noise})
    for name in ("tempered", "tilted"):
        for k in (KS[0], KS[-1]):
            foreseen, gained = (
                float(population_pass_at_k(x[name], k) - population_pass_at_k(x["base"], k)) for x in (predicted, found)
            )
            checks.append(Check(f"{name}: gain in pass@{k}", "T22", foreseen, gained, 1e-8))
    # As 1/k, so that curves that never meet cross at 0.
    crosses, crossed = (
        1 / float(np.nan_to_num(crossover(x["tempered"], x["base"]), nan=np.inf)) for x in (predicted, found)
    )
    checks.append(Check("1/k where the tempered curve crosses the base", "T22", crosses, crossed, 1e-6))
    rows.append({"part": "crossover", "x": 1 / crossed if crossed else np.nan})
    return checks, rows


def pass_variance(accuracy: Float[np.ndarray, " prompts"], k: int) -> Float[np.ndarray, " prompts"]:
    """Variance of the unbiased pass@k estimate of each prompt, over the binomial number of correct samples.    [T22]"""
    counts = np.arange(SAMPLES + 1)
    pmf = binom.pmf(counts, SAMPLES, accuracy[:, None])
    value = np.asarray(pass_at_k(SAMPLES, counts, k))
    return np.maximum(pmf @ value**2 - (pmf @ value) ** 2, 0.0)
