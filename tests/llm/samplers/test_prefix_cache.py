import pytest
import torch
from every_response import PROMPTS, VOCABULARY, lopsided_model
from transformers import LlamaForCausalLM, MistralConfig, MistralForCausalLM, Qwen2Config, Qwen2ForCausalLM

from llm.samplers.prefix_cache import PrefixCache, read_prompts

MODELS = {
    "llama": lopsided_model,
    "qwen2, grouped heads": lambda: lopsided_model(Qwen2ForCausalLM, Qwen2Config, num_key_value_heads=1),
    "eager attention": lambda: lopsided_model(attn_implementation="eager"),
}


def alone(model, sequences):
    """log p(· | sequence), each in a forward pass of its own, without any cache."""
    with torch.no_grad():
        return torch.stack([torch.log_softmax(model(torch.tensor([s])).logits[0, -1].double(), -1) for s in sequences])


def extend(model, cache, sequences, rows):
    """Feed the last token of these sequences; the cache must say what the model says."""
    last = torch.tensor([sequences[i][-1] for i in rows])
    position = torch.tensor([len(sequences[i]) - 1 for i in rows])
    found = cache.next_log_p(model, last, position, torch.tensor(rows))
    torch.testing.assert_close(found, alone(model, [sequences[i] for i in rows]), rtol=0, atol=1e-5)


def test_a_model_with_sliding_windows_is_refused():
    model = lopsided_model(MistralForCausalLM, MistralConfig, num_key_value_heads=1, sliding_window=4)
    with pytest.raises(ValueError, match="mistral"):
        read_prompts(model, PROMPTS)


@pytest.mark.parametrize("other", ["sliding_attention", "linear_attention"])
def test_one_layer_without_full_attention_is_enough_to_be_refused(other):
    model = torch.nn.Module()
    model.config = Qwen2Config(
        num_hidden_layers=2, layer_types=["full_attention", other], use_sliding_window=True, sliding_window=4
    )
    with pytest.raises(ValueError, match="--model of type qwen2 has layers without full attention"):
        read_prompts(model, PROMPTS)


def test_slots_are_added_some_at_a_time_and_only_where_they_are_needed():
    model = lopsided_model()
    cache = read_prompts(model, PROMPTS)
    widths = []
    for position in (0, 1, 2, 33, 34, 65, 66, 130):
        cache.next_log_p(model, torch.tensor([0, 3]), torch.tensor([0, position]))
        widths.append({x.shape[2] for pair in cache.pairs for x in pair})
    assert widths == [{w} for w in (2, 2, 34, 34, 66, 66, 98, 131)]
    assert read_prompts(model, [[2], [3]]).pairs[0][0].shape[2] == 1  # nothing to keep, but a row
    narrow = read_prompts(model, PROMPTS)
    narrow.replace(torch.tensor([1]), cache)
    assert narrow.pairs[1][1].shape == cache.pairs[1][1].shape
    assert torch.equal(narrow.pairs[1][1][1], cache.pairs[1][1][1])
    cache.replace(torch.tensor([0]), read_prompts(model, PROMPTS))  # a narrower one takes nothing away
    assert cache.pairs[0][0].shape[2] == 131


def test_a_model_that_was_trained_without_a_cache_has_one_here():
    model, frugal = lopsided_model(), lopsided_model()
    frugal.config.use_cache = False
    last, position = torch.tensor([0, 3]), torch.tensor([2, 0])
    found = [read_prompts(m, PROMPTS).next_log_p(m, last, position) for m in (model, frugal)]
    assert torch.equal(*found)


def test_a_prompt_is_read_without_the_scores_of_all_its_tokens():
    """They would take a vocabulary's room for each."""
    model, shapes = lopsided_model(), []
    model.lm_head.register_forward_hook(lambda _, __, output: shapes.append(tuple(output.shape)))
    read_prompts(model, PROMPTS)
    assert shapes == [(2, 1, VOCABULARY)]


def test_all_of_it_stays_on_the_device_of_the_model():
    """A device that computes nothing, and takes nothing from another."""
    model, fed = lopsided_model().to("meta"), []
    model.model.embed_tokens.register_forward_pre_hook(lambda _, fed_now: fed.extend(fed_now))
    cache = read_prompts(model, PROMPTS)
    assert isinstance(cache, PrefixCache) and len(cache) == 2
    for rows in (None, torch.tensor([1])):
        last = torch.tensor([0, 3] if rows is None else [3])
        found = cache.next_log_p(model, last, torch.full_like(last, 2), rows)
        assert found.device.type == "meta" and found.shape == (len(last), VOCABULARY)
    copy = cache.select(torch.tensor([1, 1]))
    copy.replace(torch.tensor([0]), cache)
    assert {x.device.type for x in (*fed, *(x for pair in copy.pairs for x in pair))} == {"meta"}


def test_it_is_as_precise_as_the_model():
    model = lopsided_model().double()
    last, position = torch.tensor([0, 3]), torch.tensor([2, 0])
    found = read_prompts(model, PROMPTS).next_log_p(model, last, position)
    torch.testing.assert_close(found, alone(model, PROMPTS), rtol=0, atol=1e-12)


def test_an_empty_prompt_is_refused():
    with pytest.raises(ValueError, match="empty prompt"):
        read_prompts(lopsided_model(), [[2], []])


@pytest.mark.parametrize("name", MODELS)
def test_a_cached_prefix_gives_the_log_probabilities_of_the_whole_sequence(name):
    """Rows of unequal length, grown one by one, cut back, copied, dropped and taken over from another state."""
    model, generator = MODELS[name](), torch.Generator().manual_seed(0)
    assert isinstance(model, LlamaForCausalLM | Qwen2ForCausalLM)
    sequences = [list(ids) for ids in PROMPTS]
    cache = read_prompts(model, PROMPTS)
    for rows in ([0, 1], [1], [0, 1], [0]):
        extend(model, cache, sequences, rows)
        for i in rows:
            sequences[i].append(int(torch.randint(VOCABULARY, (), generator=generator)))

    # Cut back and copied: the slots behind a prefix still hold the old ones, which must not be seen.
    sequences = [sequences[1][:2], sequences[0][:4], sequences[0][:3], sequences[1][:2]]
    for i, token in enumerate((3, 1, 2, 0)):
        sequences[i][-1] = token
    cache = cache.select(torch.tensor([1, 0, 0, 1]))
    extend(model, cache, sequences, [0, 1, 2, 3])

    # A longer continuation in a copy, taken over in two rows only.
    other, longer = cache.select(torch.arange(4)), [list(s) for s in sequences]
    for _ in range(40):
        for s in longer:
            s.append(int(torch.randint(VOCABULARY, (), generator=generator)))
        extend(model, other, longer, [0, 1, 2, 3])
    cache.replace(torch.tensor([1, 3]), other)
    for i in (1, 3):
        sequences[i] = longer[i]
    for s in sequences:
        s.append(2)
    extend(model, cache, sequences, [0, 1, 2, 3])
