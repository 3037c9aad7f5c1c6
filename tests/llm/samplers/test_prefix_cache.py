import pytest
import torch
from every_response import PROMPTS, VOCABULARY, lopsided_model
from transformers import LlamaForCausalLM, MistralConfig, MistralForCausalLM, Qwen2Config, Qwen2ForCausalLM

from llm.samplers.prefix_cache import read_prompts

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


def test_a_model_with_sliding_windows_is_refused():
    model = lopsided_model(MistralForCausalLM, MistralConfig, num_key_value_heads=1, sliding_window=4)
    with pytest.raises(ValueError, match="mistral"):
        read_prompts(model, PROMPTS)


def test_an_empty_prompt_is_refused():
    with pytest.raises(ValueError, match="empty prompt"):
        read_prompts(lopsided_model(), [[2], []])
