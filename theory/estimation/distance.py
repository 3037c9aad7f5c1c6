"""One run and its optimum: the forecast of where it ends, and how far from there it ended.

What J lacks of its greatest value is τ KL(π‖q) (T1). So this distance is the one number that says how well a run was
optimised, in nats and without a unit of reward, whatever it reached in accuracy.
"""

import numpy as np
from scipy.special import logsumexp

from theory.estimation.forecast import forecast
from theory.estimation.records import Forecast
from theory.estimation.reweight import Target, score_of, weighing_score
from theory.estimation.samples import Rollouts


def forecast_optimum(base: Rollouts, target: Target, seed: int = 0) -> Forecast:
    """The forecast of one optimum: exact where it can be, else reweighted.

    The first record of `forecast`: the finite sum where responses add up to one, else weights.
    """
    return forecast(base, [target], np.random.default_rng(seed))[0]


def distance_to_optimum(base: Rollouts, run: Rollouts, target: Target) -> tuple[float, float]:
    """KL(pi || q) of a run to the optimum q ∝ p e^t, its standard error over prompts (nan for one); no limit.  [T1]

    KL(pi || q) = E_pi[log pi - log p - t] + log Z, Z = E_p[e^t]: the first from the run's rollouts, Z from the base
    model's. Z is too small when no base sample reaches the mass of q, so that a distance may come out negative; it is
    then not known to be anything but small. ValueError: the run's log_pi is not known, a prompt without base rollouts.
    """
    if run.log_pi is None:
        raise ValueError("the run's rollouts have no log_pi; its distance to the optimum needs it")
    base = base.in_order(run.prompt_id)  # so that both are read row by row as they stand
    tilt = weighing_score(base, target)
    log_z = np.array([logsumexp(part) for part in np.split(tilt, base.start[1:])]) - np.log(base.count)
    gaps = run.mean(run.log_pi - run.log_p - score_of(run, target, base=base)) + log_z
    error = np.std(gaps, ddof=1) / np.sqrt(len(gaps)) if len(gaps) > 1 else np.nan
    return float(np.mean(gaps)), float(error)
