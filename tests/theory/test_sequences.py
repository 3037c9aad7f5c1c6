"""T16: the power of sequences against the power of tokens, by enumeration."""

import itertools

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.special import log_softmax
from scipy.stats import binom

from theory import sequences
from theory.sequences import PAD

EOS = 9
TREE = np.array([[0, 1, EOS], [0, 2, EOS], [0, EOS, PAD], [1, EOS, PAD], [2, 1, EOS], [2, 2, EOS], [EOS, PAD, PAD]])
TREE_P = np.array([0.05, 0.15, 0.1, 0.3, 0.25, 0.05, 0.1])


@st.composite
def trees(draw, zeros=True):
    """A random prefix-free set of up to 40 responses over 3 tokens, each ended by EOS, with a lopsided p."""
    bodies = draw(st.sets(st.lists(st.integers(0, 2), max_size=4).map(tuple), min_size=2, max_size=40))
    width = max(map(len, bodies)) + 1
    tokens = np.array([[*body, EOS] + [PAD] * (width - len(body) - 1) for body in sorted(bodies)])
    logits = np.array(draw(st.lists(st.floats(-8, 3), min_size=len(tokens), max_size=len(tokens))))
    if zeros and draw(st.booleans()):
        logits[draw(st.integers(0, len(tokens) - 2))] = -np.inf
    return tokens, log_softmax(logits)


def prefix_mass(tokens, weights, row, length):
    """Sum of the weights of the responses that begin like tokens[row][:length]."""
    return sum(w for other, w in zip(tokens, weights, strict=True) if (other[:length] == tokens[row][:length]).all())


def walk(tokens):
    """Row and position of every token, without padding."""
    return [(row, t) for row, t in itertools.product(*map(range, tokens.shape)) if tokens[row, t] != PAD]


@given(trees(), st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0, 8)))
def test_conditionals_of_the_power_are_powers_of_conditionals_times_the_lookahead(tree, alpha):
    """T16: p̃(x_t|x_<t) ∝ p(x_t|x_<t)^α ζ_t(x_≤t), p̃ = p^α/Z, by summing over responses."""
    tokens, log_p = tree
    on = ~np.isneginf(log_p)
    power = np.where(on, np.exp(alpha * np.where(on, log_p, 0.0)), 0.0)
    conditionals, zeta = sequences.log_conditionals(*tree), sequences.lookahead(*tree, alpha)
    for row, t in walk(tokens):
        if not on[row]:
            continue
        siblings = {}
        for other in range(len(tokens)):
            if on[other] and (tokens[other, :t] == tokens[row, :t]).all():
                siblings[int(tokens[other, t])] = np.exp(alpha * conditionals[other, t] + zeta[other, t])
        found = siblings[int(tokens[row, t])] / sum(siblings.values())
        expected = prefix_mass(tokens, power, row, t + 1) / prefix_mass(tokens, power, row, t)
        np.testing.assert_allclose(found, expected, rtol=1e-8)


@given(trees(), st.floats(0, 8))
def test_the_lookahead_is_the_mean_future_power(tree, alpha):
    """T16: ζ_t = E_p[p(x_>t | x_≤t)^{α-1}], by its definition; 0 in logs at the end and on padding."""
    tokens, log_p = tree
    p, zeta = np.exp(log_p), sequences.lookahead(*tree, alpha)
    for row, t in walk(tokens):
        mass = prefix_mass(tokens, p, row, t + 1)
        if not mass:
            assert zeta[row, t] == -np.inf
            continue
        future = [x / mass for other, x in enumerate(p) if x and (tokens[other, : t + 1] == tokens[row, : t + 1]).all()]
        np.testing.assert_allclose(np.exp(zeta[row, t]), sum(x * x ** (alpha - 1) for x in future), rtol=1e-8)
    assert not zeta[tokens == PAD].any()


@given(trees(), st.floats(0, 8))
def test_the_power_is_low_temperature_times_its_token_normalisers(tree, alpha):
    """T16, second form: p^α(y) = q_lowT(y) Π_t Σ_v p(v|y_<t)^α, and low temperature is a distribution."""
    _, log_p = tree
    low = sequences.log_low_temperature(*tree, alpha)
    normaliser = sequences.log_token_normaliser(*tree, alpha)
    on = ~np.isneginf(log_p)
    np.testing.assert_allclose(low[on] + normaliser[on], alpha * log_p[on], atol=1e-8)
    assert np.isneginf(low[~on]).all() and not normaliser[~on].any()
    np.testing.assert_allclose(np.exp(low).sum(), 1.0)


def test_low_temperature_by_hand():
    """T16 on a small tree at α = 2: token shares squared and normalised prefix by prefix."""
    log_p = np.log(TREE_P)
    first = np.array([0.3, 0.3, 0.3, 0.1]) ** 2 / 0.28  # tokens 0, 1, 2, EOS
    after_0 = np.array([1, 9, 4]) / 14  # 0.05, 0.15, 0.1
    after_2 = np.array([25, 1]) / 26
    expected = [*first[0] * after_0, first[1], *first[2] * after_2, first[3]]
    np.testing.assert_allclose(np.exp(sequences.log_low_temperature(TREE, log_p, 2)), expected)
    conditionals = sequences.log_conditionals(TREE, log_p)
    np.testing.assert_allclose(np.exp(conditionals[0]), [0.3, 1 / 6, 1.0])
    np.testing.assert_allclose(np.exp(conditionals[2]), [0.3, 1 / 3, 1.0])  # its last column is padding


def test_low_temperature_agrees_with_the_power_exactly_when_the_lookahead_is_constant():
    """T16: equal futures below every prefix agree; one unequal future and they part."""
    tokens = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    futures = np.array([0.2, 0.8])
    for second, agree in ((futures[::-1], True), (np.array([0.5, 0.5]), False)):
        log_p = np.log(np.concatenate([0.3 * futures, 0.7 * second]))
        zeta = sequences.lookahead(tokens, log_p, 3.0)
        assert np.allclose(zeta[0, 0], zeta[2, 0]) == agree
        low = sequences.log_low_temperature(tokens, log_p, 3.0)
        assert np.allclose(low, log_softmax(3.0 * log_p)) == agree


def test_a_pivotal_token_wins_under_low_temperature_and_loses_under_the_power():
    """T16, the classical case: the likelier first token leads to many answers, the other to one sure answer."""
    tokens = np.array([[0, a] for a in range(4)] + [[1, 0]])
    log_p = np.log([0.15, 0.15, 0.15, 0.15, 0.4])
    low, power = sequences.log_low_temperature(tokens, log_p, 4), log_softmax(4 * log_p)
    assert np.exp(low[:4]).sum() > 0.8 and np.exp(power[:4]).sum() < 0.1
    zeta = sequences.lookahead(tokens, log_p, 4)
    np.testing.assert_allclose(np.exp(zeta[[0, 4], 0]), [1 / 64, 1.0])


def test_tokens_below_a_prefix_without_mass_are_impossible_not_nan():
    tokens = np.array([[0, 0, 1], [0, 1, 1], [1, 0, PAD], [1, 1, PAD]])
    log_p = np.array([-np.inf, -np.inf, np.log(0.25), np.log(0.75)])
    assert sequences.log_conditionals(tokens, log_p)[0].tolist() == [-np.inf, -np.inf, -np.inf]
    impossible = sequences.log_conditionals(np.array([[0, 0], [1, PAD]]), np.array([0.0, -np.inf]))
    assert impossible.tolist() == [[0.0, 0.0], [-np.inf, 0.0]]  # padding stays 0 there too
    assert sequences.lookahead(tokens, log_p, 2.0)[0].tolist() == [-np.inf, -np.inf, -np.inf]
    np.testing.assert_allclose(np.exp(sequences.log_low_temperature(tokens, log_p, 2.0)), [0, 0, 0.1, 0.9])


def test_deep_tails_and_large_powers_stay_finite():
    tokens = np.array([[0, 0], [0, 1], [1, 0]])
    log_p = np.array([np.log(0.4), -1e4, np.log(0.6)])
    for alpha in (0.0, 1e4):
        low = sequences.log_low_temperature(tokens, log_p, alpha)
        assert not np.isnan(low).any() and not np.isnan(sequences.lookahead(tokens, log_p, alpha)).any()
        np.testing.assert_allclose(np.logaddexp.reduce(low), 0.0, atol=1e-9)
    np.testing.assert_allclose(low[0], 1e4 * np.log(2 / 3))


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ([[0, 1], [0, 1]], "tokens has a response that equals or continues another; end each with its own token"),
        ([[0, PAD], [0, 1]], "tokens has a response that equals or continues another; end each with its own token"),
        ([[0, 1], [PAD, 1]], f"tokens has a token after PAD ({PAD}) in row 1"),
        ([[0, 1, 2], [1, PAD, 1]], f"tokens has a token after PAD ({PAD}) in row 1"),
        ([[0], [1], [2]], "tokens has shape (3, 1) but log_p has shape (2,); give one row of tokens a response"),
        ([0, 1], "tokens has shape (2,) but log_p has shape (2,); give one row of tokens a response"),
    ],
)
def test_what_is_no_set_of_responses_is_refused(tokens, message, as_users_call_it):
    for call in (sequences.log_conditionals, lambda *tree: sequences.lookahead(*tree, 2.0)):
        with pytest.raises(ValueError) as error:
            call(np.array(tokens), np.log([0.5, 0.5]))
        assert str(error.value) == message


def test_a_negative_exponent_is_refused():
    for call in (sequences.lookahead, sequences.log_low_temperature, sequences.log_token_normaliser):
        with pytest.raises(ValueError, match="alpha must be finite and >= 0, got -1"):
            call(TREE, np.log(TREE_P), -1)


@given(trees(zeros=False))
def test_conditionals_multiply_to_the_response(tree):
    """T16: the chain rule."""
    np.testing.assert_allclose(sequences.log_conditionals(*tree).sum(axis=1), tree[1], atol=1e-10)
    assume(len(tree[1]) > 1)
    assert sequences.PAD == -1


def test_the_bias_of_the_lookahead_from_rollouts_is_its_first_order():
    """T16: M · (E π̂ - π) summed over all outcomes of M rollouts after each of two tokens, at two large M."""
    p = np.array([0.55, 0.05, 0.3, 0.1])
    tokens = np.array([[0, 0, EOS], [0, 1, EOS], [1, 0, EOS], [1, 1, EOS]])
    alpha = 2.5
    pi, bias = sequences.lookahead_bias(tokens, np.log(p), alpha)
    np.testing.assert_allclose(pi, [sum(p[:2] ** alpha), sum(p[2:] ** alpha)] / np.sum(p**alpha))
    first = np.array([p[:2].sum(), p[2:].sum()])

    def scaled(rollouts):
        counts = np.arange(rollouts + 1)
        chance, weight = [], []
        for one, mass in ((p[0], first[0]), (p[2], first[1])):
            future = np.array([one / mass, 1 - one / mass])
            chance.append(binom.pmf(counts, rollouts, future[0]))
            mean = (counts * future[0] ** (alpha - 1) + (rollouts - counts) * future[1] ** (alpha - 1)) / rollouts
            weight.append(mass**alpha * mean)
        estimate = weight[0][:, None] / (weight[0][:, None] + weight[1])
        return rollouts * (chance[0] @ estimate @ chance[1] - pi[0])

    extrapolated = 2 * scaled(800) - scaled(400)
    np.testing.assert_allclose(bias, [extrapolated, -extrapolated], rtol=1e-4)


@pytest.mark.parametrize("alpha", [np.nan, np.inf, -1.0])
def test_the_bias_of_the_lookahead_is_of_a_finite_power(alpha):
    tokens = np.array([[0, 0, EOS], [0, 1, EOS], [1, 0, EOS], [1, 1, EOS]])
    with pytest.raises(ValueError, match=r"^alpha must be"):
        sequences.lookahead_bias(tokens, np.log([0.55, 0.05, 0.3, 0.1]), alpha)


def test_one_response_that_continues_another_is_refused_among_many():
    with pytest.raises(ValueError, match="tokens has a response that equals or continues another"):
        sequences.lookahead(np.array([[0, PAD], [0, 1], [2, PAD], [3, PAD]]), np.log(np.full(4, 0.25)), 2.0)
