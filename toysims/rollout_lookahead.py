"""The look-ahead of first tokens estimated from rollouts: biased by a part in their number, and the jackknife (T16)."""

import numpy as np
from jaxtyping import Float, Int

from theory.sequences import log_conditionals, lookahead, lookahead_bias
from toysims.experiment import Part
from toysims.verdict import STANDARD_ERRORS, Check

ROLLOUTS = (8, 16, 32, 64)  # rollouts a token for which the bias is measured


def bias(
    tokens: Int[np.ndarray, "y t"],
    log_p: Float[np.ndarray, " y"],
    alpha: float,
    generator: np.random.Generator,
    replicas: int,
) -> Part:
    """Rollouts estimate the look-ahead of each first token, and so its probability under p^α: the bias of that.

    π̂_v = w_v/W, w_v = p_v^α · mean of p(future)^{α-1}, is biased by a part in the number M of rollouts;
    M π̂ - (M-1) mean of the leave-one-out π̂ is not. Measured at the token whose bias is largest.
    """
    first, choices = np.unique(tokens[:, 0], return_index=True)
    log_first = log_conditionals(tokens, log_p)[:, 0]
    p_future, scale = np.exp(log_p - log_first), np.exp(alpha * log_first[choices])
    futures = [p_future[tokens[:, 0] == v] for v in first]
    pi, predicted_bias = lookahead_bias(tokens, log_p, alpha)
    token = int(np.argmax(np.abs(predicted_bias)))
    w = scale * np.exp(lookahead(tokens, log_p, alpha)[choices, 0])  # exact, to take most of the noise off

    def errors(rollouts: int) -> dict[str, Float[np.ndarray, " replicas"]]:
        """π̂ - π and its jackknife, less their linear part, which has mean zero and is most of the noise."""
        size = (replicas, rollouts)
        draws = [generator.choice(q ** (alpha - 1), size, p=q / q.sum()) for q in futures]
        weights = scale[:, None, None] * np.stack(draws)
        mean = weights.mean(axis=-1)
        total = mean.sum(axis=0)
        left_out = (rollouts * mean[..., None] - weights) / (rollouts - 1)
        plain = mean[token] / total
        corrected = rollouts * plain - (rollouts - 1) * (left_out[token] / left_out.sum(axis=0)).mean(axis=-1)
        linear = (mean[token] - w[token] - pi[token] * (total - w.sum())) / w.sum()
        return {"plain": plain - pi[token] - linear, "jackknife": corrected - pi[token] - linear}

    expected = {"plain": float(predicted_bias[token]), "jackknife": 0.0}
    scaled, rows = {}, []
    for rollouts in ROLLOUTS:
        for name, error in errors(rollouts).items():
            mean, standard_error = float(error.mean()), float(error.std(ddof=1)) / replicas**0.5
            scaled[name, rollouts] = rollouts * mean, rollouts * standard_error
            row = {"part": "bias", "x": rollouts, "policy": name, "simulated": mean, "error": standard_error}
            rows.append({**row, "predicted": expected[name] / rollouts if name == "plain" else np.nan})
    checks = []
    for name, predicted in expected.items():
        # M · bias at M → ∞, by Richardson from the last two M.
        (low, low_error), (high, high_error) = scaled[name, ROLLOUTS[-2]], scaled[name, ROLLOUTS[-1]]
        tolerance = STANDARD_ERRORS * float(np.hypot(2 * high_error, low_error))
        claim = f"look-ahead from M rollouts, {name}: M · bias"
        checks.append(Check(claim, "T16", predicted, 2 * high - low, tolerance))
    return checks, rows
