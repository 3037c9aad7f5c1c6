"""The power of a distribution over sequences against the power of its tokens: what low temperature drops.

A distribution over finitely many responses is a table: `tokens`, one row a response, padded with PAD after its end,
and `log_p`, one number a row. A response that is a prefix of another needs its own last token (EOS).

Why low temperature is not p^α. Raising every token's distribution to a power looks at the token alone. The power of the
whole response also looks at where a token leads: a token after which one continuation is nearly certain is worth more
than an equally likely one after which the mass is spread over many. ζ, the mean of p(future)^{α-1}, is that worth. A
sampler at low temperature enters forks as eagerly as corridors; a sampler of p^α must look ahead, or weigh afterwards.
"""

import numpy as np
from jaxtyping import Float, Int

from theory.distribution import checked_exponent, checked_log_p, log_power

PAD = -1


def log_conditionals(tokens: Int[np.ndarray, "y t"], log_p: Float[np.ndarray, " y"]) -> Float[np.ndarray, "y t"]:
    """log p(x_t | x_<t) of every token of every response; 0 on padding.

    -inf below a prefix without mass. ValueError: shapes, log_p, two equal rows, a token after PAD, a response that
    is a prefix of another.
    """
    return _conditionals(*_checked(tokens, log_p))


def lookahead(tokens: Int[np.ndarray, "y t"], log_p: Float[np.ndarray, " y"], alpha: float) -> Float[np.ndarray, "y t"]:
    """log ζ_t(x_≤t), ζ_t = E_p[p(x_>t | x_≤t)^{α-1}]: how well the future of a token sharpens.    [T16; 2601.21590]

    The conditionals of p^α/Z are ∝ p(x_t|x_<t)^α ζ_t(x_≤t); low temperature takes ζ = 1. The two agree exactly when ζ_t
    is the same for all tokens that can follow a prefix. A pivotal token is one whose ζ is small: many ways go on
    from it (alpha > 1). 0 at the last token and on padding, -inf below a prefix without mass.

    Why. The power gives a prefix the mass of all its ends, p(prefix)^α Σ p(future)^α, and the last sum is ζ, because
    p^α = p · p^{α-1}. A conditional is the ratio of two such masses. alpha = 1 has ζ = 1 throughout.

    Two tokens of .6 and .4; the first is followed by a toss of a coin, the second ends. The power prefers the second:

    >>> tokens, log_p = np.array([[0, 2], [0, 3], [1, PAD]]), np.log([0.3, 0.3, 0.4])
    >>> np.exp(lookahead(tokens, log_p, alpha=2)[:, 0]).round(2)
    array([0.5, 0.5, 1. ])
    >>> np.exp(log_low_temperature(tokens, log_p, alpha=2)).round(2)
    array([0.35, 0.35, 0.31])
    >>> (np.exp(2 * log_p) / np.sum(np.exp(2 * log_p))).round(2)
    array([0.26, 0.26, 0.47])
    """
    tokens, log_p = _checked(tokens, log_p)
    checked_exponent(alpha)
    prefixes = _prefixes(tokens)
    mass = np.stack([_log_mass(ids, log_p) for ids in prefixes], axis=1)
    power = np.stack([_log_mass(ids, log_power(log_p, alpha)) for ids in prefixes], axis=1)
    off = np.isneginf(mass)
    zeta = (power - log_power(np.where(off, 0.0, mass), alpha))[:, 1:]
    return np.where(tokens == PAD, 0.0, zeta)


def lookahead_bias(
    tokens: Int[np.ndarray, "y t"], log_p: Float[np.ndarray, " y"], alpha: float
) -> tuple[Float[np.ndarray, " v"], Float[np.ndarray, " v"]]:
    """(π_v, lim M · bias of π̂_v) of each first token v, ascending, from M rollouts after every one of them.    [T16]

    π̂_v = w_v/W, w_v = p_v^α · mean of p(future)^{α-1} over the rollouts, W = Σ_u w_u, estimates the probability of v
    under p^α. Its bias is (π_v Σ_u s_u² - s_v²)/(M W²) to first order in 1/M, s_v² being the variance of one rollout's
    w_v. A jackknife over the rollouts takes this order away.

    Each w_v is unbiased, and a quotient of unbiased numbers is not: expand w_v/W to second order around the means. A
    token whose weight has more than its share of the scatter is estimated too low, others too high; the biases add up
    to 0. None at alpha = 1, where all weights are exact.
    """
    tokens, log_p = _checked(tokens, log_p)
    _, choice = np.unique(tokens[:, 0], return_index=True)
    # E[p(future)^{α-1}] is the look-ahead at α, and E of its square that at 2α-1.
    once, twice = (np.exp(lookahead(tokens, log_p, x)[choice, 0]) for x in (alpha, 2 * alpha - 1))
    scale = np.exp(alpha * log_conditionals(tokens, log_p)[choice, 0])
    weight, variance = scale * once, scale**2 * (twice - once**2)
    total = np.sum(weight)
    pi = weight / total
    return pi, (pi * np.sum(variance) - variance) / total**2


def log_low_temperature(
    tokens: Int[np.ndarray, "y t"], log_p: Float[np.ndarray, " y"], alpha: float
) -> Float[np.ndarray, " y"]:
    """log q_lowT(y) = Σ_t log [p(y_t|y_<t)^α / Σ_v p(v|y_<t)^α]: each token at temperature 1/α.    [T16; 2510.14901]

    alpha = 1 is p, alpha -> inf is greedy decoding: the likeliest token each time, which need not be the likeliest
    response. alpha = 0 tosses a fair coin at every fork. Nothing looks ahead, hence it is sampled as fast as p.
    """
    tokens, log_p = _checked(tokens, log_p)
    checked_exponent(alpha)
    terms = log_power(_conditionals(tokens, log_p), alpha) - _normalisers(tokens, log_p, alpha)
    return np.sum(terms, axis=1)


def log_token_normaliser(
    tokens: Int[np.ndarray, "y t"], log_p: Float[np.ndarray, " y"], alpha: float
) -> Float[np.ndarray, " y"]:
    """log Π_t Σ_v p(v|y_<t)^α: p^α(y) = q_lowT(y) times this, the weight that corrects low temperature.
    [T16; 2602.10273]

    0 off the support, whose responses low temperature never draws.
    Each factor is at most 1 for alpha > 1, and the smaller the more a prefix forks: weighed by it, samples of low
    temperature become samples of p^α. Its spread says how many effective ones there are.
    """
    tokens, log_p = _checked(tokens, log_p)
    checked_exponent(alpha)
    return np.where(np.isneginf(log_p), 0.0, np.sum(_normalisers(tokens, log_p, alpha), axis=1))


def _checked(tokens, log_p):
    log_p, tokens = checked_log_p(log_p), np.asarray(tokens)
    if tokens.ndim != 2 or tokens.shape[:1] != log_p.shape:
        raise ValueError(
            f"tokens has shape {tokens.shape} but log_p has shape {log_p.shape}; give one row of tokens a response"
        )
    ended = tokens == PAD
    resumed = ended[:, :-1] & ~ended[:, 1:]
    if np.any(resumed):
        raise ValueError(f"tokens has a token after PAD ({PAD}) in row {np.argwhere(resumed)[0][0]}")
    for ids, over in zip(_prefixes(tokens), [*ended.T, np.ones(len(log_p))], strict=True):
        # A response that has ended must be the only one with its tokens so far.
        ending = np.bincount(ids, weights=over)
        if np.any((ending > 0) & (np.bincount(ids) > 1)):
            raise ValueError("tokens has a response that equals or continues another; end each with its own token")
    return tokens, log_p


def _prefixes(tokens):
    """Ids of the prefix of length 0, 1, .. of each response; a padded row keeps the id of its whole response.

    Built from the id one token before and the token, so that no prefix is ever compared as a whole.
    """
    ids = [np.zeros(len(tokens), dtype=np.int64)]
    for column in tokens.T:
        ids.append(np.unique(np.stack([ids[-1], column]), axis=1, return_inverse=True)[1].reshape(-1))
    return ids


def _log_mass(ids, log_x):
    """For each response, log of the sum of x over the responses that share its prefix."""
    top = np.full(ids.max() + 1, -np.inf)
    np.maximum.at(top, ids, log_x)
    shift = np.where(np.isneginf(top), 0.0, top)
    with np.errstate(divide="ignore"):  # a prefix without mass: log 0 = -inf
        return (shift + np.log(np.bincount(ids, weights=np.exp(log_x - shift[ids]))))[ids]


def _conditionals(tokens, log_p):
    mass = np.stack([_log_mass(ids, log_p) for ids in _prefixes(tokens)], axis=1)
    before = np.where(np.isneginf(mass[:, :-1]), 0.0, mass[:, :-1])  # -inf - (-inf) would be nan
    return np.where(tokens == PAD, 0.0, mass[:, 1:] - before)


def _normalisers(tokens, log_p, alpha):
    """log Σ_v p(v|y_<t)^α at each token, 0 on padding and below a prefix without mass."""
    columns = []
    prefixes, conditionals = _prefixes(tokens), _conditionals(tokens, log_p)
    for t in range(tokens.shape[1]):
        # One row stands for each next token v, or its power would be counted once for every continuation.
        _, first = np.unique(prefixes[t + 1], return_index=True)
        one_each = np.full(len(tokens), -np.inf)
        one_each[first] = log_power(conditionals[first, t], alpha)
        columns.append(_log_mass(prefixes[t], one_each))
    total = np.stack(columns, axis=1)
    return np.where((tokens == PAD) | np.isneginf(total), 0.0, total)
