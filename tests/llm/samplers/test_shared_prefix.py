import numpy as np
import pytest
import torch
from every_response import PROMPTS, ask, differs, everything, lopsided_model
from table_model import ask as ask_table
from transformers import MistralConfig, MistralForCausalLM

from llm.samplers import shared_prefix


@pytest.mark.parametrize(("batch_size", "starts"), [(1, [0, 1, 2, 3]), (19, [0, 1, 2, 3]), (20, [0, 2]), (512, [0])])
def test_whole_prompts_go_side_by_side_as_many_as_a_batch_takes(table, batch_size, starts):
    """And each distinct beginning is read once, with the prompt but for its last token."""
    prompts, shown = [[2, 3, 0], [3], [0, 0], [3, 2, 2, 3]], []

    def seen(places):
        shown.extend(places)
        return shown

    drawn = shared_prefix.sample(ask_table(10, prompts), batch_size, seen)
    assert shown == starts and len(drawn.responses) == 40 and drawn.diagnostics == {} == drawn.columns
    beginnings = {(i // 10, tuple(y[:t])) for i, y in enumerate(drawn.responses) for t in range(len(y))}
    assert drawn.tokens == table.read == sum(len(ids) - 1 for ids in prompts) + len(beginnings)
    torch.manual_seed(1)  # all randomness comes from the request's generator
    assert shared_prefix.sample(ask_table(10, prompts), batch_size) == drawn


@pytest.mark.parametrize("batch_size", [1, 20_000, 40_000])
def test_it_draws_from_the_model(batch_size):
    """All responses counted, against their probabilities by enumeration."""
    model, samples = lopsided_model(), 20_000
    drawn = shared_prefix.sample(ask(model, PROMPTS, samples), batch_size)
    assert drawn.log_pi is None
    assert 0 < drawn.tokens < sum(map(len, drawn.responses)) / 50  # few distinct beginnings
    for i, prompt in enumerate(PROMPTS):
        every = everything(model, prompt)
        frequency = every.frequencies(drawn.responses[i * samples : (i + 1) * samples])
        assert differs(frequency, np.exp(every.log_p), samples) < 4.5


def test_neighbouring_responses_are_independent():
    """Two of them agree as often as independent draws do, though they were drawn side by side."""
    model, samples = lopsided_model(), 8000
    p = np.exp(everything(model, PROMPTS[0]).log_p)
    drawn = shared_prefix.sample(ask(model, PROMPTS[:1], samples)).responses
    agree = np.mean([drawn[i] == drawn[i + 1] for i in range(0, samples, 2)])
    expected = np.sum(p**2)
    assert abs(agree - expected) < 4 * np.sqrt(expected * (1 - expected) / (samples / 2))


def test_a_model_that_does_not_look_at_the_whole_prefix_is_refused():
    model = lopsided_model(MistralForCausalLM, MistralConfig, sliding_window=2)
    with pytest.raises(ValueError, match="without full attention"):
        shared_prefix.sample(ask(model, PROMPTS, 2))
