"""What sharpening and a task reward each gain at a distance KL(q‖p) from the base model, as one interface.

A distance in nats is the one axis on which both can be compared [T5], and on which a few samples go a known way: 16 of
them tell sharpening to about 1.3 nats (weighted_curve), and a 0/1 reward at any distance, to within what counts allow
(counts). Beyond the reach of weights the likeliest of k samples (best_of_k) still shows where sharpening leads. With
fewer than 5 samples a prompt nothing is told along alpha. Each interval is for its own point: the largest gain of a
curve was picked, and needs an allowance for that before it is called a gain.

Three ways, because each is good where the others are not. Weights follow p^α itself and give out when a few samples
have them all. Counts need no log p and reach any b, but the rewards have to be 0 and 1. The likeliest of k is a policy
of its own, not p^α, and what it costs is known only from above: it is asked where weights no longer tell.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from theory.estimation import weighted_curve
from theory.estimation.best_of_k import accuracy_of_likeliest, kl_of_likeliest
from theory.estimation.counts import estimates, gain_at_budget, tilt_cost, tilted
from theory.estimation.intervals import ClusterBootstrap
from theory.estimation.prompt_accuracies import PromptAccuracies
from theory.estimation.records import Estimate
from theory.estimation.samples import Rollouts
from theory.estimation.shares import difference_intervals
from theory.estimation.weighted_curve import WeightedCurve, along_alpha

LITTLE = 0.2  # nats: what the likeliest of two costs, log 2 - 1/2
MOST_ROWS = 100_000  # prompts beyond these rows would narrow intervals that are narrow enough
# Steps by a third to a half, at most .41 in log k and so in nats: no gap to be seen in a curve through them.
KS = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
# The gain begins as √KL, so that a drawn line bends most near the base model.
BS = (0.02, 0.05, 0.1, 0.15, 0.25, 0.35, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)


@dataclass(frozen=True)
class AtDistance:
    """What each objective gains at a distance KL(q‖p) from the base model, mean over prompts, in nats.

    Mean over prompts with one alpha, and one b, for all of them: some prompts move farther than that and others less.
    """

    kl: float
    sharpening: Estimate
    """gain of accuracy of q ∝ p^alpha over the base at that KL; with doubts where these rollouts cannot tell"""
    reward: Estimate
    """that of the task reward, which stays at its last value where it can spend no more [T5]"""
    reward_needed_kl: float
    """KL that the reward really spends, at most kl"""


@dataclass(frozen=True)
class CurvePoint:
    """A point on the way of an objective: the target (alpha, b), or the likeliest of k samples."""

    kl: float
    gain: Estimate
    alpha: float | None = None
    b: float | None = None
    k: int | None = None
    """another way of sharpening, whose gain needs no weights"""


@dataclass(frozen=True, eq=False)
class Walked:
    """Some rollouts and the curve of their sharpening, which is walked once for all that is asked of it."""

    rollouts: Rollouts
    """all of them, for counts"""
    few: Rollouts
    """prompts with 100,000 rows, for weights"""
    sharpening: WeightedCurve
    generator: np.random.Generator
    """where its draws left off"""

    @classmethod
    def of(cls, rollouts: Rollouts, generator: np.random.Generator) -> "Walked":
        few = rollouts.some_prompts(MOST_ROWS, generator)
        return cls(rollouts, few, along_alpha(few, generator), generator)

    def at_distance(self, kls: Sequence[float]) -> list[AtDistance]:
        """The gains of sharpening and of the task reward at each KL. ValueError: a KL that is not > 0."""
        if not all(0 < kl < np.inf for kl in kls):
            raise ValueError(f"kls must be finite and > 0 nats, got {list(kls)}")
        if self.rollouts.binary:
            known = PromptAccuracies.of_rollouts(self.rollouts)
            reward = [(found.gain, found.kl) for found in gain_at_budget(known, kls)]
        else:
            curve = weighted_curve.along_b(self.few, copy.deepcopy(self.generator))
            reward = [(curve.at(kl), min(kl, float(curve.kl.mean(axis=0).max()))) for kl in kls]
        return [AtDistance(kl, self.sharpening.at(kl), *both) for kl, both in zip(kls, reward, strict=True)]

    def direction(self) -> Estimate:
        """The gain of a little sharpening, .2 nats: where it is reliable; its sign where the interval leaves out 0."""
        return self.sharpening.at(LITTLE)

    @property
    def reach(self) -> float:
        """The largest KL along alpha that these rollouts tell, in nats: it grows as the logarithm of n; 0 for none."""
        return self.sharpening.reach

    def frontier(self) -> tuple[list[CurvePoint], list[CurvePoint]]:
        """The ways of sharpening (by alpha, then by k) and of the task reward (by b), for a picture."""
        generator = copy.deepcopy(self.generator)
        sharpening = [*_by_weights(self.sharpening), *_by_k(self.few, generator)]
        return sharpening, along_reward(self.rollouts, self.few, generator)


def along_reward(rollouts: Rollouts, few: Rollouts, generator: np.random.Generator) -> list[CurvePoint]:
    """The way of the task reward, by counts of all rollouts, or else by weights of a few of them.

    Counts, where rewards are 0 and 1: what b makes of a prompt depends on its accuracy alone [T5], so that no response
    needs a weight, and prompts that were never solved are counted as what they may be and not as hopeless.
    """
    if not rollouts.binary:
        return _by_weights(weighted_curve.along_b(few, generator))
    known = PromptAccuracies.of_rollouts(rollouts)
    kls = known.mean(np.stack([tilt_cost(known.accuracy, b) for b in BS]))
    gains = estimates(known, np.stack([tilted(known.accuracy, b) - known.accuracy for b in BS]))
    return [CurvePoint(float(kl), gain, alpha=1.0, b=b) for b, kl, gain in zip(BS, kls, gains, strict=True)]


def at_distance(rollouts: Rollouts, kls: Sequence[float], generator: np.random.Generator) -> list[AtDistance]:
    """Walked.at_distance, for a single question."""
    return Walked.of(rollouts, generator).at_distance(kls)


def direction(rollouts: Rollouts, generator: np.random.Generator) -> Estimate:
    """Walked.direction, for a single question."""
    return Walked.of(rollouts, generator).direction()


def reach(rollouts: Rollouts) -> float:
    """Walked.reach, for a single question."""
    return Walked.of(rollouts, np.random.default_rng(0)).reach


def frontier(rollouts: Rollouts, generator: np.random.Generator) -> tuple[list[CurvePoint], list[CurvePoint]]:
    """Walked.frontier, for a single question."""
    return Walked.of(rollouts, generator).frontier()


def _by_weights(curve: WeightedCurve) -> list[CurvePoint]:
    """The points at which weights are told, without the base model; KLs made to rise, which estimates may not do.

    Of the true curve KL rises along every line that leaves the base model [T6], so a fall is noise, and a picture that
    drew it would go back and forth.
    """
    kls = np.maximum.accumulate(curve.kl.mean(axis=0))
    return [
        CurvePoint(float(kl), curve.at(float(kl)), alpha=target.alpha, b=target.b)
        for target, kl in list(zip(curve.targets, kls, strict=True))[1 : curve.told]
    ]


def _by_k(rollouts: Rollouts, generator: np.random.Generator) -> list[CurvePoint]:
    """The likeliest of k, up to the smallest number of samples of a prompt; a single prompt has no interval.

    It is no point of the line alpha, but it is sharpening without weights: its gain is known without bias,
    and a curve by weights that disagrees with it is in doubt. Its KL is an upper bound, so that it does not look better
    than it is.
    """
    if len(rollouts.start) < 2:
        return []
    ks = [k for k in KS if k <= rollouts.count.min()]
    base = rollouts.mean(rollouts.reward)
    bootstrap = ClusterBootstrap(len(base), generator)
    points = []
    for k in ks:
        gain = accuracy_of_likeliest(rollouts, k) - base
        low, high = difference_intervals(gain[:, None], bootstrap)[:, 0]
        points.append(
            CurvePoint(kl_of_likeliest(rollouts, k), Estimate(float(gain.mean()), float(low), float(high)), k=k)
        )
    return points
