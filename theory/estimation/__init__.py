"""The quantities of theory, estimated from samples of a base model: where an objective ends, and how surely.

Forty prompts, 64 samples of each, from a policy of four responses, of which the two less likely are correct:

>>> import numpy as np
>>> from theory.estimation import Rollouts, Target, forecast
>>> generator = np.random.default_rng(0)
>>> log_p, correct, length = np.log([0.4, 0.3, 0.2, 0.1]), np.array([0, 0, 1, 1]), np.array([5, 7, 9, 12])
>>> drawn = generator.choice(4, size=(40, 64), p=np.exp(log_p))
>>> rollouts = Rollouts.of_arrays(log_p[drawn], correct[drawn], length[drawn], drawn)

What would sharpening to the power 2 make of its accuracy, and what a task reward of weight b = 1?

>>> for record in forecast(rollouts, [Target(alpha=2, b=0), Target(alpha=1, b=1)], generator, methods=["psis"]):
...     gain = record["gain"]
...     print(f"{gain.value:+.2f} [{gain.low:+.2f}, {gain.high:+.2f}], reliable: {gain.reliable}")
-0.13 [-0.14, -0.13], reliable: True
+0.24 [+0.23, +0.24], reliable: True

Which module answers which question:

| question | where |
|---|---|
| where does an objective end, and can the number be relied on? | `forecast`, by `reweight`, `counts`, `cumulants` |
| what do sharpening and a reward each gain at a distance in nats? | `at_distance` |
| so which of the two? | `verdict` |
| why: covariance, diversity gap, content or length, turning point? | `diagnosis` |
| are these rollouts what they are taken for? | `suspicions` |
| how is the model now: pass@k, maj@k, best of k? | `statistics` |
| where does a run stand, and is it healthy? | `following`, `coordinate`, `band` |
| how far is a run from its optimum? | `distance` |
| how sure is a mean, a difference, a ratio over prompts? | `intervals`, `shares` |

Two things are kept apart everywhere. How many samples a prompt has decides how far from the base model anything can be
told, and no interval shows when that is passed: hence doubts. How many prompts there are decides how wide an interval
is. Twice the samples do not make up for half the prompts, nor the other way round.

The names below are what most users need. Tables in files are read by llm.rollout_table, and python -m llm.forecast
writes all of this for one.
"""

from theory.estimation.at_distance import AtDistance, at_distance, direction, frontier, reach
from theory.estimation.diagnosis import diagnose
from theory.estimation.distance import distance_to_optimum, forecast_optimum
from theory.estimation.forecast import forecast, target_of
from theory.estimation.intervals import ClusterBootstrap, mean_interval
from theory.estimation.records import Estimate, Forecast, Method
from theory.estimation.reweight import Target
from theory.estimation.samples import Rollouts
from theory.estimation.statistics import prompt_statistics

__all__ = [
    "AtDistance",
    "ClusterBootstrap",
    "Estimate",
    "Forecast",
    "Method",
    "Rollouts",
    "Target",
    "at_distance",
    "diagnose",
    "direction",
    "distance_to_optimum",
    "forecast",
    "forecast_optimum",
    "frontier",
    "mean_interval",
    "prompt_statistics",
    "reach",
    "target_of",
]
