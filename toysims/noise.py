"""python -m toysims.noise: how noisy are sampled policy gradients, as responses grow longer and groups larger (T15)?

Responses of n independent tokens, each with logits of its own. Sharpening pays log p, a sum over tokens; the task
pays 1 when the last token, the answer, is right. Then a policy on its way to its optimum, where the noise dies out.
"""

from dataclasses import dataclass
from pathlib import Path

from harness.command import parse

LENGTHS = (1, 4, 16, 64)
GROUPS = (2, 4, 16, 64)
LONG = 16  # tokens at which the group size is varied


@dataclass(frozen=True)
class NoiseConfig:
    """Sample RLOO gradients of sharpening and of a task reward, and compare their noise with theory."""

    vocabulary: int = 5
    """tokens to choose from, the first of which is the right answer"""
    alpha: float = 3.0
    """power that the policy is trained to, to see its noise die out"""
    replicas: int = 4000
    """sampled gradients for each entry"""
    seed: int = 0
    """seed of the token probabilities and of the samples"""
    output_dir: Path | None = None
    """run folder; by default a new one under runs/"""
    overwrite: bool = False
    """replace the run that --output-dir holds"""

    def __post_init__(self):
        if not 2 <= self.vocabulary <= 50:
            raise ValueError(f"--vocabulary must be between 2 and 50, got {self.vocabulary}")
        if not 1 < self.alpha <= 10:
            raise ValueError(f"--alpha must be above 1 and at most 10, got {self.alpha}")
        if not 100 <= self.replicas <= 10**6:
            raise ValueError(f"--replicas must be between 100 and 1000000, got {self.replicas}")


def predicted_gradient(log_p, tokens, objective):
    """|g|², the signal, and tr Cov(ĝ)(G), the noise of the RLOO gradient ĝ, exactly.

    ĝ is the sample covariance of the return R and the score s, whose covariance is classical:
    G tr Cov = E[(R - ER)² |s|²] - (G-2)/(G-1) |g|² + Var(R) E|s|²/(G-1).
    Over n tokens R and |s|² are sums of independent terms, so that one token's moments are enough.
    """
    import numpy as np

    from theory.noise import varentropy

    p, score = np.exp(log_p), np.eye(len(log_p)) - np.exp(log_p)  # row v: ∇ log p(v) in the logits
    square = (score**2).sum(axis=1)
    if objective == "sharpening":
        gain, paid = log_p - p @ log_p, tokens
        variance = tokens * float(varentropy(log_p))
    else:
        gain, paid = (np.arange(len(p)) == 0) - p[0], 1
        variance = p[0] * (1 - p[0])
    signal = paid * float((p * gain) @ score @ score.T @ (p * gain))
    # The token that earns it and its own score; any of the tokens that earn it and the scores of the others.
    joint = paid * float(p @ (gain**2 * square)) + variance * (tokens - 1) * float(p @ square)

    def noise(group):
        spread = joint - (group - 2) / (group - 1) * signal + variance * tokens * float(p @ square) / (group - 1)
        return spread / group

    return signal, variance, noise


def sampled_gradients(log_p, tokens, objective, group, generator, replicas):
    """RLOO gradients of many groups, as arrays (replicas, tokens, vocabulary), and all returns."""
    import numpy as np

    from theory.noise import leave_one_out_advantage

    p = np.exp(log_p)
    drawn = generator.choice(len(p), size=(replicas, group, tokens), p=p)
    returns = log_p[drawn].sum(axis=-1) if objective == "sharpening" else (drawn[..., -1] == 0).astype(float)
    advantage = leave_one_out_advantage(returns) / group
    gradient = np.zeros((replicas, tokens, len(p)))
    for token in range(len(p)):
        gradient[..., token] = np.einsum("rg,rgt->rt", advantage, drawn == token)
    # Advantages of a group add up to nothing, so the -p of every score cancels.
    return gradient, returns


def measured(gradient, returns):
    """Signal |g|², noise tr Cov(ĝ) and return variance, each with its standard error."""
    import numpy as np

    flat = gradient.reshape(len(gradient), -1)
    half = len(flat) // 2
    # Two independent gradients: their product has |g|² as its mean, without the noise that |ĝ|² has on top.
    products = np.einsum("rx,rx->r", flat[:half], flat[half : 2 * half])
    deviations = ((flat - flat.mean(axis=0)) ** 2).sum(axis=1) * len(flat) / (len(flat) - 1)
    within = returns.var(axis=1, ddof=1)
    return [(x.mean(), x.std(ddof=1) / len(x) ** 0.5) for x in (products, deviations, within)]


def lengths_and_groups(config, log_p, generator):
    """Signal and noise at π = p, against the number of tokens and against the group size."""
    from toysims.verdict import STANDARD_ERRORS, Check

    checks, rows = [], []
    settings = [("length", tokens, 8) for tokens in LENGTHS] + [("group", LONG, group) for group in GROUPS]
    for part, tokens, group in settings:
        for objective in ("sharpening", "task"):
            signal, variance, noise = predicted_gradient(log_p, tokens, objective)
            sampled = sampled_gradients(log_p, tokens, objective, group, generator, config.replicas)
            row = {"part": part, "policy": objective, "x": tokens if part == "length" else group}
            expected = {"signal": signal, "noise": noise(group), "variance of the return": variance}
            for (name, predicted), (value, error) in zip(expected.items(), measured(*sampled), strict=True):
                claim = f"{objective}, {tokens} tokens, groups of {group}: {name}"
                checks.append(Check(claim, "T15", float(predicted), float(value), STANDARD_ERRORS * float(error)))
                row |= {name: value, f"{name} theory": predicted}
            # The root of signal over noise; a sampled signal may come out negative where noise hides it.
            row["ratio"] = (max(row["signal"], 0.0) / row["noise"]) ** 0.5
            rows.append({**row, "ratio theory": (signal / noise(group)) ** 0.5})
    return checks, rows


def on_the_way(config, log_p, generator, step_size=0.2, steps=(0, 2, 5, 10, 20, 40, 80)):
    """Training towards p^α with its entropy term: the variance of sampled returns falls to nothing."""
    import jax.numpy as jnp
    import numpy as np

    from theory.dynamics import mirror_line
    from theory.noise import return_variance
    from theory.objectives import regime
    from theory.tilt import log_tilt
    from toysims.learners.natural_gradient import mirror_step
    from toysims.learners.objective import Weights, returns
    from toysims.verdict import at_most, monte_carlo

    objective, nothing = regime("tempered", alpha=config.alpha), np.zeros_like(log_p)
    weights = Weights(*(jnp.asarray(x) for x in (0.0, config.alpha, 1.0)))
    ell, zero = jnp.asarray(log_p), jnp.asarray(nothing)
    log_pi, checks, rows = ell, [], []
    for k in range(steps[-1] + 1):
        if k in steps:
            on_line = log_tilt(log_p, nothing, mirror_line(objective, step_size, k).alpha, 0)
            predicted = float(return_variance(objective, on_line, log_p, nothing))
            gain = np.asarray(returns(weights, log_pi, ell, zero))
            pi = np.exp(np.asarray(log_pi))
            drawn = gain[generator.choice(len(pi), size=(config.replicas, 8), p=pi / pi.sum())].var(axis=1, ddof=1)
            checks.append(monte_carlo(f"step {k} towards p^α: variance of the return", "T15", predicted, drawn))
            row = {"part": "way", "policy": "tempered", "x": k, "variance of the return": drawn.mean()}
            rows.append({**row, "variance of the return theory": predicted})
        log_pi, info = mirror_step(weights, log_pi, ell, zero, step_size)
    checks.append(at_most("at p^α: standard deviation of the return", "T15", float(info.spread), 1e-6))
    return checks, rows


def simulate(config: NoiseConfig, log_p, run):
    """Noise at the start, by length and group size, and on the way to the optimum."""
    import numpy as np
    import pandas as pd

    from figures.toysims.noise import noise_figure
    from harness import run_folder
    from toysims.experiment import Outcome

    generator = np.random.default_rng(config.seed)
    run.stage("lengths and groups")
    checks, rows = lengths_and_groups(config, log_p, generator)
    run.stage("on the way")
    new = on_the_way(config, log_p, generator)
    table = pd.DataFrame(rows + new[1])
    run_folder.write(run.output_dir / "noise.parquet", table.to_parquet)
    return Outcome(checks + new[0], {"seed": config.seed}, {"noise.png": noise_figure(table)})


def prepare(config: NoiseConfig):
    """log p of a token."""
    import jax

    from toysims.policies.categorical import draw

    return draw(jax.random.key(config.seed), config.vocabulary, 0.5, 1.0).log_p


def main(arguments=None):
    config = parse(NoiseConfig, "toysims.noise", arguments)
    from toysims.experiment import run

    run("toysims.noise", config, prepare, simulate, stages=2)


if __name__ == "__main__":
    main()
