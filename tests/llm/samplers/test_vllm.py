"""What vLLM is asked for, by an engine that only listens; tests/llm/test_vllm.py has vLLM itself."""

import sys
from types import SimpleNamespace

import pytest
import torch

from llm.samplers.base import Request
from llm.samplers.vllm import engine, generate, load_engine


class Listening:
    """In place of vllm.LLM: every prompt gets two answers, of one and of two tokens."""

    def __init__(self, path, **options):
        self.path, self.options = path, options

    def generate(self, prompts, parameters, use_tqdm):
        assert not use_tqdm, "llm.sample has a progress bar of its own"
        Listening.heard = prompts, parameters
        outputs = [SimpleNamespace(token_ids=(7, 0)[:n], cumulative_logprob=-n) for n in (1, 2)]
        return [SimpleNamespace(outputs=outputs) for _ in prompts]


@pytest.fixture
def vllm(monkeypatch):
    monkeypatch.setitem(sys.modules, "vllm", SimpleNamespace(LLM=Listening, SamplingParams=SimpleNamespace))


def request(seed=0):
    return Request(torch.nn.Module(), None, [[1, 4], [2], [3]], 2, 8, {5, 0}, torch.Generator().manual_seed(seed))


def test_the_model_itself_is_sampled_whatever_its_own_settings_are(vllm):
    """Temperature 1, nothing cut from the distribution, all stops, and the log p of what was drawn without a text."""
    drawn = engine("some/model", 99)(request())
    prompts, parameters = Listening.heard
    assert prompts == [{"prompt_token_ids": ids} for ids in ([1, 4], [2], [3])]
    generator = torch.Generator().manual_seed(0)
    for asked in parameters:
        assert vars(asked) == {
            **{"n": 2, "max_tokens": 8, "stop_token_ids": [0, 5]},
            **{"temperature": 1.0, "top_p": 1.0, "top_k": -1},
            **{"detokenize": False, "logprobs": 0},
            "seed": int(torch.randint(2**31, (), generator=generator)),
        }
    assert drawn.responses == [[7], [7, 0]] * 3 and drawn.tokens == 9
    assert drawn.columns == {"engine_log_p": [-1.0, -2.0] * 3} and drawn.log_pi is None


@pytest.mark.parametrize("gpu", [True, False])
def test_the_engine_leaves_half_of_the_gpu_to_the_model_that_scores_and_runs_no_code_of_a_model(vllm, monkeypatch, gpu):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    model = load_engine("some/model", 99)
    assert model.path == "some/model"
    assert model.options == {
        "max_model_len": 99,
        "gpu_memory_utilization": 0.5,
        "enforce_eager": not gpu,
        "trust_remote_code": False,
    }


def test_without_vllm_it_is_said_how_to_have_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "vllm", None)
    with pytest.raises(ValueError, match=r"--engine vllm needs vLLM; pip install 'sharpening\[vllm\]'"):
        load_engine("some/model", 99)


def test_no_two_prompts_are_drawn_with_the_same_random_numbers(vllm):
    """One seed for all made the responses to like prompts alike, and standard errors over prompts too small."""
    generate(Listening("some/model"), request(seed=3))
    assert len({asked.seed for asked in Listening.heard[1]}) == len(Listening.heard[1]) == 3
