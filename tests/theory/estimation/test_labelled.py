"""Labels of a verifier's verdicts: intervals that hold the truth of T27 however the labelled samples were chosen."""

import numpy as np
import pytest
from scipy.stats import beta

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


def by_hand(known, share, weight, level):
    """(value, low, high) of a weighted mean of what is known of some prompts, by loops over the four classes.

    Korn and Graubard: as good as (Σ W_c)²/Σ(W_c²/n_c) yes or no, with Clopper and Pearson's ends.
    """
    if sum(weight) == 0:
        return 0.0, 0.0, 0.0
    seen = mean = inverse = 0.0
    for low, high in ((-1, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 2)):
        inside = [x for x in range(len(share)) if low < share[x] <= high]
        own = sum(weight[x] for x in inside) / sum(weight)
        told = [known[x] for x in inside if weight[x] > 0 and not np.isnan(known[x])]
        if told:
            seen, mean, inverse = seen + own, mean + own * np.mean(told), inverse + own**2 / len(told)
    if not seen:
        return np.nan, 0.0, 1.0
    value, n = mean / seen, seen**2 / inverse
    yes, tail = value * n, (1 - level) / 2
    low = beta.ppf(tail, yes, n - yes + 1) if yes > 1e-9 else 0.0
    high = beta.isf(tail, yes + 1, n - yes) if yes < n - 1e-9 else 1.0
    return value, seen * low, seen * high + 1 - seen


def four_samples(seed, prompts=30, labels=0.4, accepted=None, right=None):
    """Prompts of four samples, of which 0 to 4 are accepted; a part of some has a label, of the last prompt none."""
    generator = np.random.default_rng(seed)
    prompt = np.repeat(np.arange(prompts), 4)
    own = generator.random(4 * prompts) < np.repeat(generator.random(prompts), 4) if accepted is None else accepted
    found = generator.random(4 * prompts) < np.where(own, 0.8, 0.3) if right is None else right
    known = (generator.random(4 * prompts) < labels) & (prompt < prompts - 1)
    return prompt, np.broadcast_to(own, prompt.shape), np.where(known, found, np.nan)


@pytest.mark.parametrize(
    "case",
    [
        *({"seed": seed} for seed in range(4)),
        {"seed": 4, "labels": 0.05},
        {"seed": 5, "accepted": True},
        {"seed": 6, "accepted": False},
        {"seed": 7, "right": True},
        {"seed": 8, "right": False},
        {"seed": 9, "prompts": 3, "labels": 0.5},
    ],
)
def test_each_number_is_that_of_its_formula(case):
    """T27: precision and recall weigh prompts by what is accepted; the end weighs each prompt with an accepted one."""
    prompt, accepted, right = four_samples(**case)
    prompts = prompt.max() + 1
    share = [accepted[prompt == x].mean() for x in range(prompts)]
    shares = {}
    for verdict in (True, False):
        own = [right[(prompt == x) & (accepted == verdict) & ~np.isnan(right)] for x in range(prompts)]
        shares[verdict] = [x.mean() if len(x) else np.nan for x in own]
    found, v = verifier_errors(prompt, accepted, right), np.mean(share)
    rest = [1 - x for x in share]
    yes = v * np.array(by_hand(shares[True], share, share, 0.975))
    no = (1 - v) * np.array(by_hand(shares[False], share, rest, 0.975))
    some = [float(x > 0) for x in share]
    least_and_most = [yes[i] / (yes[i] + no[j]) if yes[i] + no[j] != 0 else 0 for i, j in ((0, 0), (1, 2), (2, 1))]
    for name, expected in (
        ("precision", by_hand(shares[True], share, share, 0.95)),
        ("end", by_hand(shares[True], share, some, 0.95)),
        ("accuracy", yes + no),
        ("recall", least_and_most),
    ):
        own = getattr(found, name)
        assert [own.value, own.low, own.high] == pytest.approx(list(expected), abs=1e-9, nan_ok=True), name
    assert (found.accepted, found.rejected) == (
        np.sum(accepted & ~np.isnan(right)),
        np.sum(~accepted & ~np.isnan(right)),
    )


@pytest.mark.parametrize(("accepts", "rejects"), [(10, 10), (9, 10), (10, 9)])
def test_ten_prompts_with_a_labelled_sample_are_enough_of_either_verdict(accepts, rejects):
    """Whatever the number of their labels: two of each here."""
    prompt, accepted = np.repeat(np.arange(20), 4), np.tile([True, True, False, False], 20)
    right = np.where(np.where(accepted, prompt < accepts, prompt < rejects), 1.0, np.nan)
    found = verifier_errors(prompt, accepted, right)
    doubts = [f"fewer than 10 prompts with a labelled sample that it {verb}" for verb in ("accepts", "rejects")]
    of_accepted, of_rejected = (tuple(doubts[i : i + 1]) if n < 10 else () for i, n in enumerate((accepts, rejects)))
    assert found.precision.doubts == found.end.doubts == of_accepted
    assert found.recall.doubts == found.accuracy.doubts == of_accepted + of_rejected
