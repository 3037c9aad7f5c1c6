"""python -m toysims.tokens: low temperature against the power of whole sequences, on trees of tokens (T16).

A learner that is paid token by token ends at low temperature; one that is paid for the whole response ends at p^α,
which looks ahead. Then the look-ahead from rollouts: its bias, and the jackknife that takes most of it away.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from harness.command import parse

# Powers at which the pivotal tree is trained, and rollouts a token for which the bias is measured.
ALPHAS = (1.0, 1.5, 2.0, 3.0, 4.0)
ROLLOUTS = (8, 16, 32, 64)


@dataclass(frozen=True)
class TokensConfig:
    """Sharpen trees of tokens by token returns and by sequence returns, and compare both with theory."""

    vocabulary: int = 3
    """content tokens"""
    depth: int = 4
    """content tokens of the longest response"""
    alpha: float = 3.0
    """power"""
    replicas: int = 30_000
    """repetitions of the look-ahead estimate"""
    seed: int = 0
    """seed of the tree and of the rollouts"""
    output_dir: Path | None = None
    """run folder; by default a new one under runs/"""
    overwrite: bool = False
    """replace the run that --output-dir holds"""

    def __post_init__(self):
        if not 2 <= self.vocabulary <= 5:
            raise ValueError(f"--vocabulary must be between 2 and 5, got {self.vocabulary}")
        if not 2 <= self.depth <= 5:
            raise ValueError(f"--depth must be between 2 and 5, got {self.depth}: the tree has vocabulary^depth leaves")
        if not 1 < self.alpha <= 8:
            raise ValueError(f"--alpha must be above 1 and at most 8, got {self.alpha}")
        if not 100 <= self.replicas <= 10**6:
            raise ValueError(f"--replicas must be between 100 and 1000000, got {self.replicas}")


def trained(tree, alphas):
    """log π of the responses after training by token returns, and after sequence returns: one row for each power."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from toysims.policies import trees

    reference = trees.log_tokens(tree, jnp.asarray(tree.logits))

    def by_token(alpha):
        """α log p - log π of the one token: what comes after it is not its business."""
        return trees.ascend(tree, lambda logits: alpha * reference - trees.log_tokens(tree, logits)).log_pi

    def by_sequence(alpha):
        gain = alpha * reference.sum(axis=1)
        return trees.ascend(tree, lambda logits: gain - trees.log_policy(tree, logits)).log_pi

    return [np.asarray(jax.vmap(train)(jnp.asarray(alphas))) for train in (by_token, by_sequence)]


def any_tree(tree, alpha):
    """A random tree: both ends, and the two ways in which theory relates them."""
    import numpy as np

    from theory.sequences import log_conditionals, log_low_temperature, log_token_normaliser, lookahead
    from theory.tilt import log_tilt
    from toysims.verdict import at_most

    tokens, log_p = tree.tokens, tree.log_p
    (by_token,), (by_sequence,) = trained(tree, [alpha])
    power, low = log_tilt(log_p, np.zeros_like(log_p), alpha, 0), log_low_temperature(tokens, log_p, alpha)
    # Per context: the look-ahead, less its mean, must be what the two policies differ by, less its mean.
    gap = log_conditionals(tokens, by_sequence) - log_conditionals(tokens, by_token) - lookahead(tokens, log_p, alpha)
    spread = [np.ptp(gap[(tree.context == c) & (tokens >= 0)]) for c in range(len(tree.logits))]
    weight = by_sequence - by_token - log_token_normaliser(tokens, log_p, alpha)
    return [
        at_most("sequence returns: distance to p^α", "T16", _distance(by_sequence, power), 1e-8),
        at_most("token returns: distance to low temperature", "T16", _distance(by_token, low), 1e-8),
        at_most("look-ahead = log-ratio of the two, context by context", "T16", max(spread), 1e-6),
        at_most("p^α = low temperature · Π Σ_v p(v|·)^α, up to Z", "T16", np.ptp(weight), 1e-6),
    ]


def even_tree(tree, alpha):
    """The same tokens after every prefix, and one length: the look-ahead is constant, so both ends are the same."""
    import numpy as np

    from toysims.verdict import at_most

    ends = tree.length.max() - 1
    position = np.zeros(len(tree.logits), dtype=int)
    position[tree.context[tree.tokens >= 0]] = np.nonzero(tree.tokens >= 0)[1]
    first = np.array([tree.logits[np.argmax(position == t)] for t in range(ends + 1)])
    first[:-1, 0] = -np.inf  # no EOS before the end, so only the longest responses are left
    longest = tree.length > ends
    even = replace(tree, tokens=tree.tokens[longest], context=tree.context[longest], logits=first[position])
    (by_token,), (by_sequence,) = trained(even, [alpha])
    return [at_most("even tree: distance between the two ends", "T16", _distance(by_token, by_sequence), 1e-8)]


def pivotal_tree(tree):
    """A pivotal choice: after token 1 there is one way on, after token 2 there are many, and token 2 is likelier."""
    import numpy as np

    from theory.sequences import log_low_temperature
    from theory.tilt import log_tilt
    from toysims.verdict import Check

    there = tree.tokens >= 0
    logits = np.where(np.isneginf(tree.logits), -np.inf, 0.0)
    narrow = np.unique(tree.context[(tree.tokens[:, :1] == 1) & there])
    narrow = narrow[(narrow != tree.context[0, 0]) & np.isfinite(logits[narrow, 1])]
    logits[narrow, 1] = 8.0  # nearly certain to go on with token 1
    logits[tree.context[0, 0], :3] = -8.0, 0.0, 0.5  # token 2 leads by half a nat
    tree = replace(tree, logits=logits)
    log_p, first = tree.log_p, tree.tokens[:, 0] == 1
    checks, rows = [], []
    for alpha, *learned in zip(ALPHAS, *trained(tree, ALPHAS), strict=True):
        targets = {
            "low temperature": log_low_temperature(tree.tokens, log_p, alpha),
            "power": log_tilt(log_p, np.zeros_like(log_p), alpha, 0),
        }
        for (name, target), log_pi in zip(targets.items(), learned, strict=True):
            share, predicted = (float(np.exp(x[first]).sum()) for x in (log_pi, target))
            claim = f"pivotal choice, α = {alpha:g}, {name}: chance of the narrow way"
            checks.append(Check(claim, "T16", predicted, share, 1e-8))
            rows.append({"part": "pivot", "x": alpha, "policy": name, "simulated": share, "predicted": predicted})
    return checks, rows


def jackknife(tree, alpha, generator, replicas):
    """Rollouts estimate the look-ahead of each first token, and so its probability under p^α: the bias of that.

    π̂_v = w_v/W, w_v = p_v^α · mean of p(future)^{α-1}, is biased by (π_v Σ s_u² - s_v²)/(M W²) to first order in
    1/M, s_v² being the variance of one rollout's w_v; M π̂ - (M-1) mean of the leave-one-out π̂ is not.
    """
    import numpy as np

    from theory.sequences import log_conditionals, lookahead
    from toysims.verdict import Check

    first, choices = np.unique(tree.tokens[:, 0], return_index=True)
    log_p, log_first = tree.log_p, log_conditionals(tree.tokens, tree.log_p)[:, 0]
    p_future = np.exp(log_p - log_first)
    scale = np.exp(alpha * log_first[choices])
    inside = [p_future[tree.tokens[:, 0] == v] for v in first]

    once, twice = (np.exp(lookahead(tree.tokens, log_p, x)[choices, 0]) for x in (alpha, 2 * alpha - 1))
    w, variance = scale * once, scale**2 * (twice - once**2)
    pi = w / w.sum()
    bias = (pi * variance.sum() - variance) / w.sum() ** 2
    token = int(np.argmax(np.abs(bias)))

    def errors(rollouts):
        """π̂ - π and its jackknife, less their linear part, which has mean zero and is most of the noise."""
        size = (replicas, rollouts)
        draws = [generator.choice(q ** (alpha - 1), size, p=q / q.sum()) for q in inside]
        weights = scale[:, None, None] * np.stack(draws)
        mean = weights.mean(axis=-1)
        total = mean.sum(axis=0)
        left_out = (rollouts * mean[..., None] - weights) / (rollouts - 1)
        plain = mean[token] / total
        corrected = rollouts * plain - (rollouts - 1) * (left_out[token] / left_out.sum(axis=0)).mean(axis=-1)
        linear = (mean[token] - w[token] - pi[token] * (total - w.sum())) / w.sum()
        return {"plain": plain - pi[token] - linear, "jackknife": corrected - pi[token] - linear}

    scaled, rows = {}, []
    for rollouts in ROLLOUTS:
        for name, error in errors(rollouts).items():
            mean, se = float(error.mean()), float(error.std(ddof=1)) / replicas**0.5
            scaled[name, rollouts] = rollouts * mean, rollouts * se
            row = {"part": "bias", "x": rollouts, "policy": name, "simulated": mean, "error": se}
            rows.append({**row, "predicted": bias[token] / rollouts if name == "plain" else np.nan})
    checks = []
    for name, predicted in (("plain", bias[token]), ("jackknife", 0.0)):
        # M · bias at M → ∞, by Richardson from the last two M.
        (low, low_error), (high, high_error) = scaled[name, ROLLOUTS[-2]], scaled[name, ROLLOUTS[-1]]
        tolerance = 4 * float(np.hypot(2 * high_error, low_error))
        checks.append(
            Check(f"look-ahead from M rollouts, {name}: M · bias", "T16", predicted, 2 * high - low, tolerance)
        )
    return checks, rows


def _distance(log_a, log_b):
    import numpy as np

    return float(np.abs(np.exp(log_a) - np.exp(log_b)).sum() / 2)


def simulate(config: TokensConfig, tree, run):
    """All four trees."""
    import numpy as np
    import pandas as pd

    from figures.toysims.tokens import tokens_figure
    from harness import run_folder
    from toysims.experiment import Outcome

    run.stage("token and sequence returns")
    checks = any_tree(tree, config.alpha) + even_tree(tree, config.alpha)
    run.stage("pivotal choice")
    pivot_checks, rows = pivotal_tree(tree)
    run.stage("rollouts")
    bias_checks, bias_rows = jackknife(tree, config.alpha, np.random.default_rng(config.seed), config.replicas)
    table = pd.DataFrame(rows + bias_rows)
    run_folder.write(run.output_dir / "tokens.parquet", table.to_parquet)
    checks += pivot_checks + bias_checks
    return Outcome(checks, {"seed": config.seed, "alpha": config.alpha}, {"tokens.png": tokens_figure(table)})


def prepare(config: TokensConfig):
    """A random tree."""
    import jax

    from toysims.policies.trees import grow

    return grow(jax.random.key(config.seed), config.vocabulary, config.depth)


def main(arguments=None):
    config = parse(TokensConfig, "toysims.tokens", arguments)
    from toysims.experiment import run

    run("toysims.tokens", config, prepare, simulate, stages=3)


if __name__ == "__main__":
    main()
