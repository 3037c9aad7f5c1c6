"""python -m toysims.trainers: do RLOO, Dr. GRPO, GRPO and k3 in the loss end where theory says, exactly and sampled?

The reward is log p, the KL penalty has weight β (T12-T14). GRPO has two fixed points above β_c and none below.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from harness.command import parse

GROUPS = (64, 128, 256)


@dataclass(frozen=True)
class TrainersConfig:
    """Train one policy on its own log-probabilities with each trainer, and compare the ends with theory."""

    k: int = 8
    """responses"""
    spread: float = 1.0
    """standard deviation of log p, nats"""
    beta: float = 0.8
    """KL weight of RLOO, Dr. GRPO and k3 in the loss; GRPO runs at multiples of its own critical weight"""
    steps: int = 1000
    """sampled steps of the trainers whose noise does not die out"""
    replicas: int = 32
    """independent sampled runs"""
    seed: int = 0
    """seed of the policy and of the samples"""
    output_dir: Path | None = None
    """run folder; by default a new one under runs/"""
    overwrite: bool = False
    """replace the run that --output-dir holds"""

    def __post_init__(self):
        if not 3 <= self.k <= 100:
            raise ValueError(f"--k must be between 3 and 100, got {self.k}")
        if not 0 < self.spread <= 3:
            raise ValueError(f"--spread must be above 0 and at most 3, got {self.spread}")
        if not 0.1 <= self.beta <= 100:
            raise ValueError(f"--beta must be between 0.1 and 100, got {self.beta}")
        if self.steps < 100 or self.replicas < 8:
            raise ValueError(
                f"--steps must be at least 100 and --replicas at least 8, got {self.steps} and {self.replicas}: "
                "fewer leave no standard error to judge by"
            )


def fixed_points(log_p, beta):
    """Exact expectations: where RLOO, k3 in the loss and GRPO end, as distances to theory's policies."""
    import jax.numpy as jnp
    import numpy as np

    from theory.tilt import log_tilt
    from theory.trainers import critical_beta, k3_in_loss_optimum, rloo_alpha, std_normalised_alpha
    from toysims.learners import trainer_steps as trainer
    from toysims.verdict import at_most

    nothing = np.zeros_like(log_p)
    grpo_beta = 1.5 * critical_beta(log_p)
    cases = (
        ("RLOO", "T12", trainer.rloo_velocity, beta, log_tilt(log_p, nothing, rloo_alpha(beta), 0)),
        ("k3 in the loss", "T13", trainer.k3_velocity, beta, k3_in_loss_optimum(log_p, log_p, beta)),
        (
            "GRPO at 1.5 β_c",
            "T12",
            trainer.grpo_velocity,
            grpo_beta,
            log_tilt(log_p, nothing, std_normalised_alpha(log_p, grpo_beta).stable, 0),
        ),
    )
    checks = []
    for name, source, velocity, weight, target in cases:
        ended = trainer.settle(velocity, jnp.asarray(log_p), jnp.asarray(log_p), weight)
        distance = np.abs(np.exp(ended.log_pi) - np.exp(target)).sum() / 2
        checks.append(at_most(f"{name}, exact: distance to the fixed point", source, distance, 1e-8))
    return checks


def sampled(config, log_p, key):
    """Groups of samples: E_π[log p] at the end of each trainer, over replicas."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from theory.objectives import Objective
    from theory.tilt import log_tilt
    from theory.trainers import critical_beta, k3_in_loss_optimum, rloo_alpha, std_normalised_alpha
    from toysims.learners import advantages, rloo
    from toysims.learners import trainer_steps as trainer
    from toysims.learners.objective import weights
    from toysims.verdict import Check, at_most, monte_carlo

    ell, nothing, keys = jnp.asarray(log_p), np.zeros_like(log_p), iter(jax.random.split(key, 6))

    def train(weight, beta, group):
        ended = trainer.train(next(keys), weight, ell, beta, group, config.steps, config.replicas)
        return np.asarray(ended.mean_log_p)

    checks, points = [], []
    target = np.exp(log_tilt(log_p, nothing, rloo_alpha(config.beta), 0))
    objective = weights([Objective(0.0, 1 + config.beta, config.beta)])
    objective = jax.tree.map(lambda x: x[0], objective)

    def ascend(key, advantage):
        """RLOO with the penalty in the reward: all of J is the return."""

        def step(state, _):
            return rloo.step(objective, state, ell, 0 * ell, 0.5 / config.beta, 8, advantage=advantage)

        return jax.lax.scan(step, rloo.start(ell, key), None, length=12 * config.steps)[0].theta

    for name, advantage in (("RLOO", advantages.rloo), ("Dr. GRPO", advantages.dr_grpo)):
        run = jax.jit(jax.vmap(partial(ascend, advantage=advantage)))
        theta = run(jax.random.split(next(keys), config.replicas))
        worst = np.abs(jax.nn.softmax(theta) - target).sum(axis=1).max() / 2
        checks.append(at_most(f"{name}, groups of 8: largest distance of a replica", "T12, T15", worst, 1e-6))

    ended = train(trainer.k3_weight, config.beta, 64)
    mean_log_p = np.exp(k3_in_loss_optimum(log_p, log_p, config.beta)) @ log_p
    checks.append(monte_carlo("k3 in the loss, groups of 64: mean log p", "T13", mean_log_p, ended))

    beta = 2 * critical_beta(log_p)
    mean_log_p = np.exp(log_tilt(log_p, nothing, std_normalised_alpha(log_p, beta).stable, 0)) @ log_p
    means, errors = [], []
    for group in GROUPS:
        replicas = train(trainer.grpo_weight, beta, group)
        means.append(replicas.mean())
        errors.append(replicas.std(ddof=1) / len(replicas) ** 0.5)
        points.append({"part": "group", "x": 1 / group, "mean_log_p": means[-1], "error": errors[-1]})
        points[-1]["theory"] = mean_log_p
    # A finite group divides by its own sd and so ends elsewhere, by O(1/G); Richardson to 1/G = 0 removes two orders.
    richardson = np.array([1, -6, 8]) / 3
    error = float(np.sqrt(richardson**2 @ np.square(errors)))
    claim = "GRPO at 2 β_c, groups of 64, 128, 256 extrapolated to ∞: mean log p"
    checks.append(Check(claim, "T12", float(mean_log_p), float(richardson @ means), 4 * error))
    return checks, points


def simulate(config: TrainersConfig, log_p, run):
    """All trainers on one policy."""
    import jax
    import pandas as pd

    from figures.toysims.trainers import trainers_figure
    from harness import run_folder
    from toysims import saddle_node
    from toysims.experiment import Outcome
    from toysims.two_cycle import two_cycle

    run.stage("exact fixed points")
    checks = fixed_points(log_p, config.beta)
    parts = []
    for name, part in (
        ("saddle-node", lambda: saddle_node.branches(log_p)),
        ("square root", lambda: saddle_node.square_root(log_p)),
        ("clusters", lambda: (saddle_node.clusters(), [])),
        ("two-cycle", lambda: two_cycle(log_p, config.beta)),
        ("groups of samples", lambda: sampled(config, log_p, jax.random.key(config.seed + 1))),
    ):
        run.stage(name)
        parts.append(part())
    checks += [row for part_rows, _ in parts for row in part_rows]
    table = pd.DataFrame([point for _, points in parts for point in points])
    run_folder.write(run.output_dir / "trainers.parquet", table.to_parquet)
    return Outcome(checks, {"k": config.k, "seed": config.seed}, {"trainers.png": trainers_figure(table)})


def prepare(config: TrainersConfig):
    """log p of the policy."""
    import jax

    from toysims.policies.categorical import draw

    return draw(jax.random.key(config.seed), config.k, 0.5, config.spread).log_p


def main(arguments=None):
    config = parse(TrainersConfig, "toysims.trainers", arguments)
    from toysims.experiment import run

    run("toysims.trainers", config, prepare, simulate, stages=6)


if __name__ == "__main__":
    main()
