import pytest
import torch
from every_response import PROMPTS, VOCABULARY, lopsided_model
from transformers import MistralConfig, MistralForCausalLM, Qwen2Config, Qwen2ForCausalLM

from llm.models.token_tree import token_log_probs, token_tree

MODELS = {
    "llama": lopsided_model,
    "qwen2, grouped heads": lambda: lopsided_model(Qwen2ForCausalLM, Qwen2Config, num_key_value_heads=1),
    "eager attention": lambda: lopsided_model(attn_implementation="eager"),
}


def responses(count=12, longest=6):
    """Prompts, repeated, with responses of which several begin alike; one is empty, two are the same."""
    generator = torch.Generator().manual_seed(3)
    lengths = torch.randint(0, longest + 1, (count,), generator=generator).tolist()
    drawn = [torch.randint(2, (length,), generator=generator).tolist() for length in lengths]
    return [PROMPTS[i % 2] for i in range(count)], [[], drawn[1], [0, 1, 0], [0, 1], [0, 1, 0], *drawn[5:]]


def alone(model, prompt, response):
    """(log p, entropy) of each token, in a forward pass of its own."""
    log_p = torch.log_softmax(model(torch.tensor([[*prompt, *response]])).logits[0], -1)[len(prompt) - 1 : -1]
    return log_p[range(len(response)), response], -(log_p.exp() * log_p).sum(-1)


def test_every_distinct_beginning_is_one_node():
    sequences = [[5, 6, 7], [5, 6], [5, 8], [5, 6, 7], [9]]
    tree = token_tree(sequences)
    assert len(tree.tokens) == len({tuple(s[:end]) for s in sequences for end in range(1, len(s) + 1)})
    assert [[tree.tokens[node] for node in path] for path in tree.paths] == sequences
    assert [[tree.depths[node] for node in path] for path in tree.paths] == [list(range(len(s))) for s in sequences]
    seen = tree.ancestors()
    for path in tree.paths:
        assert [set(seen[node].nonzero()[0]) for node in path] == [set(path[: i + 1]) for i in range(len(path))]


@pytest.mark.parametrize("most_nodes", [1, 9, 1000])
@pytest.mark.parametrize("name", MODELS)
def test_the_tree_gives_the_log_probabilities_of_each_sequence_read_by_itself(name, most_nodes):
    model = MODELS[name]()
    prompts, found = responses()
    with torch.no_grad():
        log_p, entropy = token_log_probs(model, prompts, found, width=8, most_nodes=most_nodes)
        assert log_p.shape == entropy.shape == (len(found), 8)
        for row, (prompt, response) in enumerate(zip(prompts, found, strict=True)):
            own, its_entropy = alone(model, prompt, response)
            torch.testing.assert_close(log_p[row, : len(response)], own, rtol=0, atol=1e-5)
            torch.testing.assert_close(entropy[row, : len(response)], its_entropy, rtol=0, atol=1e-5)
            assert not log_p[row, len(response) :].any() and not entropy[row, len(response) :].any()


def test_its_gradient_is_that_of_the_sequences_read_by_themselves():
    model = lopsided_model()
    prompts, found = responses()
    weights = torch.linspace(-1, 1, len(found))

    def gradient(sums):
        model.zero_grad()
        (weights * sums).sum().backward()
        return torch.cat([p.grad.flatten() for p in model.parameters()])

    tree = gradient(token_log_probs(model, prompts, found, most_nodes=20)[0].sum(1))
    each = gradient(torch.stack([alone(model, p, r)[0].sum() for p, r in zip(prompts, found, strict=True)]))
    assert each.norm() > 0.1
    torch.testing.assert_close(tree, each, rtol=0, atol=1e-5)


def test_a_model_that_does_not_look_at_the_whole_prefix_is_refused():
    model = lopsided_model(MistralForCausalLM, MistralConfig, sliding_window=2)
    with pytest.raises(ValueError, match=r"--share-prefixes.*full attention"):
        token_log_probs(model, PROMPTS, [[0], [2]])
    with pytest.raises(ValueError, match="empty prompt"):
        token_log_probs(lopsided_model(), [[]], [[VOCABULARY - 1]])
