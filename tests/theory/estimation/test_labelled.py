"""Labels of a verifier's verdicts: intervals that hold the truth of T27 however the labelled samples were chosen."""

import numpy as np
import pytest

from theory.estimation.labelled import verifier_errors
from theory.verifier import verifier_precision

PROMPTS, SAMPLES = 400, 8


def population(generator):
    """Prompts from hard to easy; the verifier takes 90 % of right responses and 5 % of wrong ones, on each alike."""
    accuracy = generator.beta(0.5, 0.5, PROMPTS)
    right = generator.random((PROMPTS, SAMPLES)) < accuracy[:, None]
    accepted = generator.random(right.shape) < np.where(right, 0.9, 0.05)
    truth = {
        "precision": np.mean(0.9 * accuracy) / np.mean(0.9 * accuracy + 0.05 * (1 - accuracy)),
        "recall": 0.9,
        "accuracy": accuracy.mean(),
    }
    solvable = accepted.any(axis=1)
    truth["end"] = verifier_precision(accuracy, 0.9, 0.05)[solvable].mean()
    return right, accepted, truth


def labelled(right, accepted, chosen):
    prompt = np.repeat(np.arange(PROMPTS), SAMPLES)
    return verifier_errors(prompt, accepted.ravel(), np.where(chosen, right, np.nan).ravel())


def rows_at_random(accepted, generator):
    """150 accepted samples and 150 rejected ones, from whatever prompts."""
    chosen = np.zeros(accepted.shape, bool)
    for verdict in (accepted, ~accepted):
        chosen.ravel()[generator.choice(np.flatnonzero(verdict), 150, replace=False)] = True
    return chosen


def one_of_some_prompts(accepted, generator):
    """One accepted and one rejected sample of every third prompt."""
    chosen = np.zeros(accepted.shape, bool)
    for verdict in (accepted, ~accepted):
        order = np.where(verdict, generator.random(accepted.shape), 2.0)
        first = np.argmin(order, axis=1)
        has = verdict.any(axis=1) & (np.arange(PROMPTS) % 3 == 0)
        chosen[np.flatnonzero(has), first[has]] = True
    return chosen


@pytest.mark.parametrize("choose", [rows_at_random, one_of_some_prompts])
def test_intervals_hold_the_truth_and_a_plain_share_would_not(choose):
    """T27: 150 populations; 95 % less three standard errors. The end is what training on the verdicts leads to."""
    held, plain, populations = dict.fromkeys(("precision", "recall", "accuracy", "end"), 0), 0, 150
    for seed in range(populations):
        generator = np.random.default_rng(seed)
        right, accepted, truth = population(generator)
        chosen = choose(accepted, generator)
        found = labelled(right, accepted, chosen)
        for name in held:
            own = getattr(found, name)
            held[name] += own.low <= truth[name] <= own.high and own.reliable and own.low <= own.value <= own.high
        seen = right[chosen & accepted]
        error = np.sqrt(seen.mean() * (1 - seen.mean()) / len(seen))
        plain += abs(seen.mean() - truth["end"]) < 1.96 * error
    assert min(held.values()) >= 0.9 * populations, held
    if choose is rows_at_random:
        assert plain < 0.6 * populations  # easy prompts are accepted more often, and are right more often


def test_all_labels_give_the_plain_shares():
    right, accepted, _ = population(np.random.default_rng(0))
    found = labelled(right, accepted, np.ones_like(accepted))
    assert found.precision.value == pytest.approx(right[accepted].mean(), abs=0.01)
    assert found.recall.value == pytest.approx(accepted[right].mean(), abs=0.01)
    assert found.accuracy.value == pytest.approx(right.mean(), abs=0.01)
    assert (found.accepted, found.rejected) == (accepted.sum(), (~accepted).sum())


def test_few_labels_cannot_tell_and_what_was_not_labelled_may_be_anything():
    right, accepted, _ = population(np.random.default_rng(0))
    few = np.zeros_like(accepted)
    few[np.flatnonzero(accepted.all(axis=1))[:9]] = True
    found = labelled(right, accepted, few)
    assert not found.end.reliable and "fewer than 10 prompts" in found.end.doubts[0] and not found.recall.reliable
    easy = accepted.mean(axis=1) > 0.75
    found = labelled(right, accepted, np.broadcast_to(easy[:, None], accepted.shape))
    unseen = 1 - easy[accepted.any(axis=1)].mean()
    assert found.end.high - found.end.low > unseen > 0.3
    nothing = labelled(right, accepted, np.zeros_like(accepted))
    assert np.isnan(nothing.end.value) and (nothing.end.low, nothing.end.high) == (0, 1)


def test_all_right_is_no_certainty():
    prompt = np.arange(30)
    found = verifier_errors(prompt, np.ones(30, bool), np.ones(30))
    assert found.precision.value == 1 and found.precision.low == pytest.approx(0.025 ** (1 / 30))
    assert found.recall.value == 1 and found.recall.reliable  # it rejects nothing


def test_other_labels_are_refused():
    with pytest.raises(ValueError, match="right must be 0, 1 or nan"):
        verifier_errors(np.arange(3), np.ones(3, bool), np.array([1.0, 0.5, np.nan]))
