"""Toy simulations: learners that do not know the theory find out where it says that they end.

Each question is a command, `python -m toysims.NAME`, that trains tabular policies, lays what they learned beside
`theory`, and exits with 1 if a prediction fails:

    sharpening     every regime of the (alpha, b) plane on one small policy
    instability    what is stable, at which rate, and what runs away
    heterogeneity  many prompts: pass@k, majority votes, and accuracy at an equal distance from the base
    length         how long sharpened responses become, and when nothing stops them
    trainers       where RLOO, Dr. GRPO, GRPO and k3 in the loss end
    tokens         low temperature against the power of whole responses
    voting         majority vote as a reward
    noise          how noisy sampled policy gradients are
    sweep          a grid of (alpha, beta) on many policies

`SimulationConfig` holds the options that all of them have, `Check` is one prediction beside what was found. Loading the
package loads no JAX.

>>> from toysims import Check
>>> Check("mean reward at the optimum", "T1", predicted=0.734, simulated=0.7325, tolerance=0.01).holds
True
"""

from toysims.config import SimulationConfig
from toysims.verdict import Check

__all__ = ["Check", "SimulationConfig"]
