"""Samples prompt after prompt, against plain loops over the rows of each."""

import numpy as np
import pytest

from theory.estimation.samples import (
    Rollouts,
    base_samples,
    copy_rounding,
    probability_seen,
    repeated_beyond_log_p,
    unequal_copies,
)

START = np.array([0, 4, 6])
RESPONSE = np.array([3, 1, 3, 3, 3, 3, 2, 2, 2])
LENGTH = np.array([5.0, 5.0, 5.0, 6.0, 5.0, 5.0, 4.0, 4.0, 4.0])
FINISHED = np.array([True, True, True, True, True, True, True, False, True])
LOG_P = np.log([0.2, 0.1, 0.2, 0.3, 0.5, 0.5, 0.4, 0.6, 0.4])


def table(**changed):
    columns = {
        "prompt_id": np.array(["a", "b", "c"]),
        "start": START,
        "log_p": LOG_P,
        "reward": np.arange(9) % 2 * 1.0,
        "length": LENGTH,
        "response": RESPONSE,
        "finished": FINISHED,
        "vote": np.arange(9),
        "correct_vote": np.arange(3),
    }
    return Rollouts(**columns | changed)


@pytest.mark.parametrize(
    ("response", "length"),
    [
        (RESPONSE, LENGTH),
        (RESPONSE * 0, LENGTH * 0 + 3),
        (RESPONSE, np.array([0, 0, 1, 1, 1, 0, 0, 0, 0])),  # 0 stands for a length that is not known
        (RESPONSE * 0, np.array([1, 2, 3, 4, 5, 6, 7, 8, 9])),
    ],
)
def test_responses_differ_by_prompt_text_length_and_end(response, length):
    prompt = np.repeat(np.arange(3), (4, 2, 3))
    kinds = list(zip(prompt, response, length, FINISHED, strict=True))
    found = table(response=response, length=np.where(length > 0, length, np.nan)).different
    assert found.first.tolist() == [kinds.index(kind) == row for row, kind in enumerate(kinds)]
    assert found.copies.tolist() == [kinds.count(kind) for kind in kinds]
    assert found.times.tolist() == [n if first else 0 for n, first in zip(found.copies, found.first, strict=True)]
    order = list(dict.fromkeys(kinds))
    assert found.number.tolist() == [order.index(kind) for kind in kinds]


def test_sums_means_and_largest_values_of_each_prompt():
    rollouts = table()
    parts = np.split(LOG_P, START[1:])
    np.testing.assert_allclose(rollouts.sum(LOG_P), [p.sum() for p in parts])
    np.testing.assert_allclose(rollouts.mean(LOG_P), [p.mean() for p in parts])
    assert rollouts.max(LOG_P).tolist() == [p.max() for p in parts]
    assert rollouts.each(np.array([7, 8, 9])).tolist() == [7] * 4 + [8] * 2 + [9] * 3
    assert [LOG_P[rows].tolist() for rows in rollouts.prompt_rows()] == [p.tolist() for p in parts]


def test_rows_that_are_kept_bring_all_their_columns():
    """A prompt without a row is gone; columns that are not known stay so."""
    entropy = np.arange(9.0)
    kept = np.array([True, False, False, True, False, False, False, False, True])
    found = table(entropy=entropy).rows(kept)
    assert found.prompt_id.tolist() == ["a", "c"] and found.start.tolist() == [0, 2]
    assert found.correct_vote.tolist() == [0, 2]
    for name in ("log_p", "reward", "length", "response", "finished", "vote"):
        np.testing.assert_array_equal(getattr(found, name), getattr(table(), name)[kept])
    np.testing.assert_array_equal(found.entropy, entropy[kept])
    assert found.log_pi is None
    np.testing.assert_array_equal(table(log_pi=entropy).rows(kept).log_pi, entropy[kept])


def test_prompts_in_another_order_bring_their_rows():
    found = table().in_order(np.array(["c", "a"]))
    rows = [6, 7, 8, 0, 1, 2, 3]
    assert found.start.tolist() == [0, 3] and found.correct_vote.tolist() == [2, 0]
    assert found.prompt_id.tolist() == ["c", "a"]
    np.testing.assert_array_equal(found.vote, rows)
    np.testing.assert_array_equal(found.log_p, LOG_P[rows])
    with pytest.raises(ValueError, match=r"^there are no rollouts of prompt z; sample the same prompts in both$"):
        table().in_order(np.array(["a", "z"]))


def test_some_prompts_are_whole_and_as_many_as_asked_for():
    y = np.arange(400).reshape(100, 4)
    rollouts = Rollouts.of_arrays(np.log(np.full((100, 4), 0.01)), y % 2, y * 0 + 1, y)
    found = rollouts.some_prompts(100, np.random.default_rng(0))
    assert len(found.start) == 25 and (found.count == 4).all()
    assert rollouts.some_prompts(400, np.random.default_rng(0)) is rollouts
    assert len(rollouts.some_prompts(399, np.random.default_rng(0)).start) == 100  # 99.75 prompts
    assert len(rollouts.some_prompts(1, np.random.default_rng(0)).start) == 2  # one does not say how prompts differ
    other = rollouts.some_prompts(100, np.random.default_rng(1))
    assert other.prompt_id.tolist() != found.prompt_id.tolist()


def test_the_probability_of_what_was_seen_counts_each_response_once():
    np.testing.assert_allclose(probability_seen(table()), [0.6, 0.5, 1.0])
    np.testing.assert_allclose(probability_seen(table(), finished=True), [0.6, 0.5, 0.4])


def test_repeats_beyond_log_p_are_good_and_turings_estimate_less_the_probability_seen():
    """Good and Turing: 1 - n₁/n of the first prompt is 1/2, of the second 1, of the last 2/3."""
    excess, error = repeated_beyond_log_p(table())
    each = np.array([0.5 - 0.6, 1 - 0.5, 2 / 3 - 1.0])
    assert excess == pytest.approx(each.mean())
    # n₁ = 2, 0, 1 and n₂ = 1, 1, 1, with four more seen once
    variance = np.mean([(2 + 2 + 4) / 16, (0 + 2 + 4) / 4, (1 + 2 + 4) / 9])
    assert error == pytest.approx(np.sqrt(max(variance, each.var()) / 3))


def test_what_came_twice_counts_twice_in_the_error_of_repeats():
    """Ten samples: two that came once, two that came twice, one four times, all too unlikely to be seen."""
    y = np.array([[0, 1, 2, 2, 3, 3, 4, 4, 4, 4]])
    excess, error = repeated_beyond_log_p(Rollouts.of_arrays(np.full((1, 10), -99.0), y * 0, y * 0 + 1, y))
    assert (excess, error) == pytest.approx((1 - 2 / 10, np.sqrt((2 + 2 * 2 + 4) / 100)))


def test_the_error_of_repeats_is_at_least_that_of_the_prompts():
    """Prompts that differ more than counting explains: their own spread decides."""
    y = np.concatenate([np.zeros((30, 60), int), np.arange(1800).reshape(30, 60)])
    log_p = np.where(np.arange(60)[:, None] < 30, np.log(0.001), np.log(0.016)) + np.zeros((60, 60))
    excess, error = repeated_beyond_log_p(Rollouts.of_arrays(log_p, y * 0, y * 0 + 1, y))
    each = np.repeat([1 - 0.001, -60 * 0.016], 30)
    assert excess == pytest.approx(each.mean()) and error == pytest.approx(np.sqrt(each.var() / 60))


def test_copies_of_a_response_with_other_log_p_are_told_with_their_prompt():
    """The largest gap is in the last prompt; the second's is within rounding, .5 nats and a fiftieth of log p."""
    odd = LOG_P - np.array([0, 0, 0, 0, 0, 0.4, 0, 0, 2.0])
    found = unequal_copies(table(log_p=odd))
    assert (found.share, found.prompt_id) == (pytest.approx(1 / 3), "c") and found.gap == pytest.approx(2.0)
    first = LOG_P - np.array([0, 0, 3.0, 0, 0, 0, 0, 0, 0])
    assert unequal_copies(table(log_p=first))[1:] == (pytest.approx(3.0), "a")
    same = unequal_copies(table())
    assert (same.share, same.gap) == (0.0, 0.0)
    assert unequal_copies(table(response=np.arange(9))) == (0.0, 0.0, None)
    # A gap of as much as rounding allows is no gap; alone among responses that come once, its share is 1.
    np.testing.assert_allclose(copy_rounding(np.array([-100.0, 0.0])), [2.5, 0.5])
    response = np.array([0, 1, 2, 3, 4, 4, 5, 6, 7])
    for gap, share in ((2.4, 0.0), (2.5, 0.0), (2.6, 1.0)):
        log_p = np.full(9, -100.0) - gap * (np.arange(9) == 5)
        assert unequal_copies(table(response=response, log_p=log_p)).share == share


def test_base_samples_are_the_first_of_every_prompt():
    found = base_samples(table())
    rows = START[:, None] + np.arange(2)
    np.testing.assert_array_equal(found.log_p, LOG_P[rows])
    np.testing.assert_array_equal(found.reward, table().reward[rows])
    np.testing.assert_array_equal(found.length, LENGTH[rows])


def test_rewards_of_zero_and_one_alone_are_binary():
    assert table().binary and not table(reward=np.full(9, 0.5)).binary
    assert not table(reward=np.append(np.arange(8) % 2, 0.5)).binary
    votes = Rollouts.of_arrays(np.log([[0.4, 0.6]]), np.array([[1, 0]]), np.array([[3, 4]]), np.array([[0, 1]]))
    assert votes.vote.tolist() == [0, 1] and votes.correct_vote.tolist() == [0]
    assert votes.answers_known and votes.log_p_noise == 0.0 and votes.finished.all()
