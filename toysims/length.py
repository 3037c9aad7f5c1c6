"""python -m toysims.length: what sharpening does to the length of responses, found by training under a limit.

Markov policies: mean length, mode and existence threshold (T17). A tree of tokens with EOS: length exponents and
trajectory balance (T20), and sharpening of the content alone (T18).
"""

from dataclasses import dataclass
from pathlib import Path

from theory.command import parse


@dataclass(frozen=True)
class LengthConfig:
    """Train autoregressive policies with EOS by policy gradient, and compare their lengths with theory."""

    states: int = 6
    """content states of the Markov policy, and tokens of the geometric one"""
    stop: float = 0.15
    """probability of EOS: of the geometric policy, and about that in the Markov policy"""
    limit: int = 64
    """length limit in tokens; everything is trained under this limit and under twice as much"""
    depth: int = 5
    """content tokens of the longest response of the tree, which has 3 of them to choose from"""
    alpha: float = 3.0
    """power that the tree is sharpened to"""
    seed: int = 0
    """seed of the Markov policy and of the tree"""
    output_dir: Path | None = None
    """run folder; by default a new one under runs/"""
    overwrite: bool = False
    """replace the run that --output-dir holds"""

    def __post_init__(self):
        if not 2 <= self.states <= 100:
            raise ValueError(f"--states must be between 2 and 100, got {self.states}")
        if not 0 < self.stop <= 0.5:
            raise ValueError(f"--stop must be in (0, 0.5], got {self.stop}")
        if not 16 <= self.limit <= 4096:
            raise ValueError(f"--limit must be between 16 and 4096, got {self.limit}: lengths need room on both sides")
        if not 1 <= self.depth <= 6:
            raise ValueError(f"--depth must be between 1 and 6, got {self.depth}: the tree has 3^depth leaves")
        if not 1 < self.alpha <= 10:
            raise ValueError(f"--alpha must be above 1 and at most 10, got {self.alpha}")


# Powers as multiples of the existence threshold: on both sides of it, and far enough for the limit not to matter above.
MULTIPLES = (0.5, 0.8, 1.3, 1.6, 2.0, 4.0)


def markov_rows(name, policy, limit):
    """One Markov policy: the length it learns at powers on both sides of α_c, its threshold and its mode."""
    import jax.numpy as jnp
    import numpy as np

    from theory.length import existence_threshold, markov_power, shortest_path
    from toysims import chains
    from toysims.verdict import Check

    log_p = jnp.asarray(policy.log_p)

    def learn(alpha, limit):
        learned = chains.ascend(log_p, alpha * log_p, 1.0, limit)
        return learned, np.asarray(chains.log_lengths(learned.log_pi))

    threshold = existence_threshold(policy.transition)
    checks, rows = [], []
    for multiple in MULTIPLES:
        alpha = multiple * threshold
        means = []
        for cap in (limit, 2 * limit):
            learned, log_length = learn(alpha, cap)
            means.append(float(np.exp(log_length) @ np.arange(cap + 1)))
        exists = alpha > threshold
        exact = markov_power(policy.transition, policy.stop, policy.start, alpha) if exists else None
        label = f"{name}, α = {multiple:g} α_c"
        if exists:
            # What twice the limit still changes bounds what it leaves out.
            tolerance = 1e-7 + abs(means[1] - means[0])
            checks.append(Check(f"{label}: mean length", "T17", exact.mean_length, means[1], tolerance))
            checks.append(Check(f"{label}: J = log Z", "T17", exact.log_z, float(learned.value), tolerance))
        growth = (means[1] - means[0]) / limit
        checks.append(Check(f"{label}: length gained per token of limit", "T17", 0.0 if exists else 1.0, growth, 1e-2))
        for cap, mean in zip((limit, 2 * limit), means, strict=True):
            row = {"part": "markov", "policy": name, "alpha": alpha, "multiple": multiple, "limit": cap}
            rows.append({**row, "simulated": mean, "predicted": exact.mean_length if exists else np.nan})

    for multiple in np.geomspace(1.01, MULTIPLES[-1], 60):
        mean = markov_power(policy.transition, policy.stop, policy.start, multiple * threshold).mean_length
        rows.append({"part": "curve", "policy": name, "multiple": multiple, "predicted": mean})

    # Where the learned lengths turn from rising to falling: bisection on what was learned, not on the theory.
    low, high = 0.0, 2.0
    while high - low > 1e-8:
        middle = (low + high) / 2
        log_length = learn(middle, limit)[1][:-1]  # without the responses that were cut off
        rising = log_length[limit // 2] > log_length[limit // 2 - 1]
        low, high = (middle, high) if rising else (low, middle)
    checks.append(Check(f"{name}: threshold α_c", "T17", threshold, low, 1e-6))

    mode = shortest_path(policy.transition, policy.stop, policy.start)
    learned = chains.ascend(log_p, log_p, 0.0, limit, step_size=5.0, max_steps=500)
    checks.append(Check(f"{name}: log p of the mode", "T17", mode.log_p, float(learned.value), 1e-7))
    found = chains.greedy(learned.log_pi)
    checks.append(Check(f"{name}: length of the mode", "T17", float(len(mode.states)), float(len(found)), 0.0))
    return checks, rows


def tree_rows(tree, alpha):
    """One tree of tokens under each way to weigh length: the distribution that is learned, and its lengths."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from theory.length import content_power
    from theory.trainers import length_normalised_optimum, trajectory_balance_optimum, trajectory_balance_rate
    from toysims import trees
    from toysims.verdict import Check

    log_p, length = tree.log_p, tree.length
    ell, size = jnp.asarray(log_p), jnp.asarray(length, dtype=jnp.float64)

    def normalised(kappa):
        """(α-1) log p/|y|^κ + log p - log π, the paper's reward."""
        return lambda log_pi: (alpha - 1) * ell / size**kappa + ell - log_pi

    def balance_rate(log_pi, scale):
        """λ that makes the mean residual zero, its least-squares value under π."""
        return jnp.sum(jnp.exp(log_pi) * (alpha * ell - log_pi) / scale)

    def balanced(scale):
        """Minus the slope of half the squared residual λ + (log π - α log p)/scale in log π."""
        return lambda log_pi: -(balance_rate(log_pi, scale) + (log_pi - alpha * ell) / scale) / scale

    def content(log_pi):
        """The return less its mean over responses of the same length, and a pull of the lengths back to p(L)."""
        gain = alpha * ell - log_pi
        mass, reference = (jax.ops.segment_sum(jnp.exp(x), length, tree.tokens.shape[1] + 1) for x in (log_pi, ell))
        mean = jax.ops.segment_sum(jnp.exp(log_pi) * gain, length, len(mass)) / jnp.where(mass > 0, mass, 1.0)
        return gain - mean[length] + jnp.log(reference[length]) - jnp.log(mass[length])

    trainers = {
        "power": (normalised(0.0), length_normalised_optimum(log_p, length, alpha, 0), "T20"),
        "κ = ½": (normalised(0.5), length_normalised_optimum(log_p, length, alpha, 0.5), "T20"),
        "κ = 1": (normalised(1.0), length_normalised_optimum(log_p, length, alpha, 1), "T20"),
        "trajectory balance": (
            balanced(jnp.ones_like(size)),
            length_normalised_optimum(log_p, length, alpha, 0),
            "T20",
        ),
        "balance with 1/|y|": (balanced(size), trajectory_balance_optimum(log_p, length, alpha), "T20"),
        "content only": (content, content_power(log_p, length, alpha), "T18"),
    }
    checks, rows = [], []
    for name, (returns, target, statement) in trainers.items():
        learned = trees.ascend(tree, lambda logits, returns=returns: returns(trees.log_policy(tree, logits)))
        pi, q = np.exp(np.asarray(learned.log_pi)), np.exp(target)
        checks.append(Check(f"tree, {name}: mean length", statement, float(q @ length), float(pi @ length), 1e-7))
        distance = float(np.abs(pi - q).sum() / 2)
        checks.append(Check(f"tree, {name}: distance to the target", statement, 0.0, distance, 1e-7))
        if name == "balance with 1/|y|":
            rate = float(balance_rate(learned.log_pi, size))
            checks.append(Check(f"tree, {name}: λ", "T20", trajectory_balance_rate(log_p, length, alpha), rate, 1e-7))
        rows.append({"part": "mean", "policy": name, "alpha": alpha, "base": float(np.exp(log_p) @ length)})
        rows[-1].update(simulated=float(pi @ length), predicted=float(q @ length))
    return checks, rows


def simulate(config: LengthConfig, policies, run):
    """Every learner of this question."""
    import pandas as pd

    from figures import run_folder
    from figures.length import length_figure
    from toysims.experiment import Outcome

    checks, rows = [], []
    for name, policy in policies.items():
        run.stage(name)
        new = tree_rows(policy, config.alpha) if name == "tree" else markov_rows(name, policy, config.limit)
        checks, rows = checks + new[0], rows + new[1]
    table = pd.DataFrame(rows)
    run_folder.write(run.output_dir / "length.parquet", table.to_parquet)
    return Outcome(checks, {"seed": config.seed}, {"length.png": length_figure(table)})


def prepare(config: LengthConfig):
    """The policies to be trained."""
    import jax
    import numpy as np

    from toysims import chains, trees

    return {
        "geometric": chains.uniform(config.states, config.stop),
        "Markov": chains.draw(np.random.default_rng(config.seed), config.states, config.stop),
        "tree": trees.grow(jax.random.key(config.seed), vocabulary=3, depth=config.depth, stop_bias=1.0),
    }


def main(arguments=None):
    config = parse(LengthConfig, "toysims.length", arguments)
    from toysims.experiment import run

    run("toysims.length", config, prepare, simulate, stages=3)


if __name__ == "__main__":
    main()
