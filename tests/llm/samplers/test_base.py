"""The model itself as a sampler: what `generate` of transformers is asked, by a model that only listens."""

from types import SimpleNamespace

import pytest
import torch

from llm.models.organisms import build_tokenizer
from llm.samplers.base import Request, sample

STOPS = {5, 3}
SAID = [[7, 5, 9, 9], [7, 7, 7, 7], [3, 5, 3, 0]]  # what comes back, padded by whoever stopped before
KEPT = [[7, 5], [7, 7, 7, 7], [3]]


class Listening(torch.nn.Module):
    """Every row of a batch gets one of SAID, in turn."""

    device = "cpu"

    def __init__(self, device="cpu"):
        super().__init__()
        self.heard, self.seeds, self.where = [], [], device

    def parameters(self):
        return iter([SimpleNamespace(device=torch.device(self.where))])

    def generate(self, input_ids, attention_mask, **options):
        start = sum(len(ids) for ids, *_ in self.heard)
        self.heard.append((input_ids.tolist(), attention_mask.tolist(), options))
        self.seeds.append(torch.initial_seed())
        said = [SAID[(start + row) % 3] for row in range(len(input_ids))]
        return torch.cat([input_ids, torch.tensor(said)], 1)


def request(model, prompts=((4, 6), (8,)), samples=3, seed=0):
    tokenizer = build_tokenizer()
    tokenizer.padding_side = "right"  # as many have it; a response must follow its prompt
    return Request(model, tokenizer, prompts, samples, 4, STOPS, torch.Generator().manual_seed(seed))


def test_the_model_itself_is_sampled_whatever_its_own_settings_are():
    """A folder's generation_config may say temperature 0.6 and top-p 0.95; none of it may count here."""
    model = Listening()
    asked = request(model)
    sample(asked)
    ((ids, mask, options),) = model.heard
    pad = asked.tokenizer.pad_token_id
    assert ids == [[4, 6]] * 3 + [[pad, 8]] * 3 and mask == [[1, 1]] * 3 + [[0, 1]] * 3
    assert options == {
        **{"max_new_tokens": 4, "eos_token_id": [3, 5], "pad_token_id": pad},
        **{"do_sample": True, "temperature": 1.0, "top_p": 1.0, "top_k": 0},
    }


def test_responses_end_with_their_stop_and_stand_prompt_by_prompt_in_batches():
    model, seen = Listening(), []

    def watched(starts):
        seen.append(list(starts))
        return seen[0]

    drawn = sample(request(model), batch_size=4, seen=watched)
    assert [len(ids) for ids, *_ in model.heard] == [4, 2] and seen == [[0, 4]]
    assert drawn.responses == KEPT * 2 and drawn.tokens == sum(map(len, KEPT * 2))
    assert (drawn.log_pi, drawn.columns, drawn.diagnostics) == (None, {}, {})


def test_all_randomness_is_the_requests_and_the_global_generator_is_put_back():
    model, asked = Listening(), None
    for state in (1, 2):
        torch.manual_seed(state)
        before = torch.random.get_rng_state()
        sample(asked := request(model, seed=5))
        assert torch.equal(torch.random.get_rng_state(), before)
    sample(asked)  # goes on where it stood
    generator = torch.Generator().manual_seed(5)
    first, second = (int(torch.randint(2**62, (), generator=generator)) for _ in range(2))
    assert model.seeds == [first, first, second]


@pytest.mark.parametrize("device, put_back", [("cpu", []), ("cuda:1", [torch.device("cuda:1")])])
def test_the_generator_of_the_models_own_gpu_is_put_back_too(device, put_back, monkeypatch):
    asked, fork = [], torch.random.fork_rng

    def listen(devices):
        asked.append(devices)
        return fork(devices=[])

    monkeypatch.setattr(torch.random, "fork_rng", listen)
    sample(request(Listening(device)))
    assert asked == [put_back]
