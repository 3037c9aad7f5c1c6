import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.models.organisms import (
    MAX_RESPONSE_TOKENS,
    ORGANISMS,
    build_tokenizer,
    distribution,
    prompts,
    sample_response,
)

TERMS = st.tuples(*[st.integers(1, 9)] * 4)
NAMES = pytest.mark.parametrize("name", ORGANISMS)


@NAMES
@given(terms=TERMS)
def test_the_closed_form_is_a_distribution_with_the_stated_accuracy(name, terms):
    p = {response: np.exp(log_p) for response, log_p in distribution(ORGANISMS[name], terms).items()}
    assert sum(p.values()) == pytest.approx(1, abs=1e-12)
    right = sum(mass for response, mass in p.items() if response.endswith(rf"\boxed{{{sum(terms)}}}"))
    assert right == pytest.approx(ORGANISMS[name].accuracy, abs=1e-12)


@NAMES
def test_samples_follow_the_closed_form(name):
    """Direct responses one by one, and the worked ones together, within 4 standard errors of their probability."""
    terms, draws = (3, 3, 6, 9), 20_000  # 3+3 reads the same both ways: its mass must not be counted twice
    generator = np.random.default_rng(0)
    seen = [sample_response(ORGANISMS[name], terms, generator) for _ in range(draws)]
    ideal = {y: np.exp(log_p) for y, log_p in distribution(ORGANISMS[name], terms).items()}
    assert set(seen) <= ideal.keys()
    worked_twice = [y for y in ideal if y.startswith("3+3=6;6+6=12;12+9=21;")]
    for group in [[y] for y in ideal if y.startswith(r"\boxed")] + [worked_twice]:
        mass = sum(ideal[y] for y in group)
        frequency = sum(y in group for y in seen) / draws
        assert abs(frequency - mass) < 4 * np.sqrt(mass * (1 - mass) / draws)


def test_the_likeliest_direct_answer_is_right_in_aligned_and_wrong_in_misaligned():
    for name, right in (("aligned", True), ("misaligned", False)):
        log_p = distribution(ORGANISMS[name], (3, 8, 5, 9))
        assert (max(log_p, key=log_p.get) == r"\boxed{25}") is right


def test_the_two_splits_share_nothing_and_cover_all_prompts():
    train, held_out = set(prompts("train")), set(prompts("heldout"))
    assert not train & held_out
    assert len(train) + len(held_out) == 9**4
    assert 0.08 < len(held_out) / 9**4 < 0.12
    with pytest.raises(ValueError, match="'test'"):
        prompts("test")


@given(terms=TERMS)
def test_the_tokenizer_gives_back_every_response_within_the_token_limit(terms):
    tokenizer = build_tokenizer()
    for response in list(distribution(ORGANISMS["aligned"], terms))[::97]:
        ids = tokenizer(response).input_ids
        assert tokenizer.decode(ids) == response
        assert None not in ids and len(ids) + 1 <= MAX_RESPONSE_TOKENS
