"""Responses drawn by another program: weights, what is logged, and a sampler that lacks the new weights."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from datasets import Dataset
from trl import RLOOConfig

from llm.models.loading import load
from llm.sampling.scoring import response_log_probs
from llm.training.config import TrainConfig
from llm.training.sampler_mismatch import SamplerMismatch
from llm.training.trainer import LogProbRewardTrainer

RNG = np.random.default_rng(0)
LENGTHS = [3, 9, 5, 7, 12, 4]
LOG_PI = [-RNG.exponential(1.0, n) for n in LENGTHS]


def near(rows, sd):
    return [row + sd * RNG.standard_normal(len(row)) for row in rows]


def watching(cap=20.0, log_mu=None):
    watch = SamplerMismatch(cap)
    watch.log_mu = near(LOG_PI, 0.02) if log_mu is None else log_mu
    return watch


def test_a_response_weighs_its_ratio_up_to_the_cap():
    """T33: min(π/μ, c), and 1 without correction."""
    watch = watching(cap=1.5, log_mu=near(LOG_PI, 0.5))
    ratio = np.exp([np.sum(pi - mu) for pi, mu in zip(LOG_PI, watch.log_mu, strict=True)])
    assert ratio.max() > 1.5 > ratio.min()
    np.testing.assert_allclose(watch.weights(LOG_PI), np.minimum(ratio, 1.5))
    assert watching(cap=0).weights(LOG_PI).tolist() == [1.0] * 6


def test_two_processes_of_unequal_responses_log_what_one_logs():
    log_p, watch = near(LOG_PI, 0.02), watching()
    alone = watch.compared(LOG_PI, log_p)
    share = [slice(0, 2), slice(2, 6)]
    arrays = []

    def first(mine):
        arrays.append(mine[0])
        return mine

    for rows in share:  # what each would hand over
        SamplerMismatch.compared(watching(log_mu=watch.log_mu[rows]), LOG_PI[rows], log_p[rows], first)
    handed = iter([[arrays[0], arrays[2]], [arrays[1], arrays[3]]])
    together = watching(log_mu=watch.log_mu[share[0]]).compared(
        LOG_PI[share[0]], log_p[share[0]], lambda _: next(handed)
    )
    assert together == pytest.approx(alone)
    assert set(alone) == {"sampler_gap", "sampler_gap_p99", "sampler_mass_kept"}
    assert alone["sampler_gap"] < alone["sampler_gap_p99"] < 0.1 and abs(alone["sampler_mass_kept"] - 1) < 0.1


def test_a_sampler_that_still_has_the_base_model_stops_the_run():
    """One that follows does not, and neither does one of which nothing can be told yet."""
    base = near(LOG_PI, 0.3)  # the policy has moved
    watching(log_mu=near(LOG_PI, 0.02)).compared(LOG_PI, base)
    watching(log_mu=near(LOG_PI, 0.02)).compared(LOG_PI, near(LOG_PI, 0.001))
    with pytest.raises(ValueError, match="was not given the new weights"):
        watching(log_mu=near(base, 0.02)).compared(LOG_PI, base)


def test_a_sampler_that_is_left_behind_stops_the_run():
    watch, base = watching(), near(LOG_PI, 2.0)
    watch.compared(LOG_PI, base)
    watch.log_mu = near(LOG_PI, 0.05)
    watch.compared(LOG_PI, base)
    watch.log_mu = near(LOG_PI, 0.4)  # far from the base model, and from the policy
    with pytest.raises(ValueError, match="no longer gets the new weights"):
        watch.compared(LOG_PI, base)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("cap", [20.0, 0.0])
def test_the_trainer_weighs_the_advantages_of_what_another_model_drew(tiny_model, tmp_path, cap):
    """A stand-in for vLLM: the model itself with a perturbed head, which says its own log p of every token."""
    model, tokenizer = load(str(tiny_model))
    other, _ = load(str(tiny_model))
    with torch.no_grad():
        head = other.get_output_embeddings().weight
        head += 0.01 * torch.randn(head.shape, generator=torch.Generator().manual_seed(0))
    args = RLOOConfig(
        output_dir=str(tmp_path), beta=1.0, report_to="none", num_generations=8, per_device_train_batch_size=16,
        max_completion_length=8, bf16=False, disable_tqdm=True, max_steps=1,
    )  # fmt: skip
    trainer = LogProbRewardTrainer(
        model=model,
        reward_funcs=[lambda completions, **_: [float(len(c) % 3) for c in completions]],
        args=args,
        train_dataset=Dataset.from_list([{"prompt": f"{n}+1="} for n in range(4)]),
        processing_class=tokenizer,
    )
    plain = trainer._generate_single_turn
    rows = {}

    def generate(prompts):
        rows["responses"] = plain(prompts, None, {})
        rows["prompts"] = prompts
        mu = [[[x] for x in token_log_p(other, *pair)] for pair in zip(prompts, rows["responses"], strict=True)]
        return prompts, rows["responses"], mu, None

    generation = SimpleNamespace(generate=generate)
    trainer.sampler = SamplerMismatch(cap)
    trainer.sampler.listen(generation)
    trainer._generate_single_turn = lambda prompts, *_: generation.generate(prompts)[1]
    trainer.model.train()
    batch = trainer._generate_and_score_completions([{"prompt": f"{n}+1="} for n in range(2) for _ in range(8)])
    own, theirs = (response_log_probs(m, rows["prompts"], rows["responses"], 0).double() for m in (model.eval(), other))
    weight = (own - theirs).exp().clamp(max=20.0) if cap else torch.ones(16)
    returns = torch.tensor(
        [float(len(t) % 3) for t in tokenizer.batch_decode(rows["responses"], skip_special_tokens=True)]
    )
    groups = returns.view(2, 8)
    advantage = 8 / 7 * (groups - groups.mean(1, keepdim=True)).flatten()
    np.testing.assert_allclose(batch["advantages"], advantage * weight, atol=1e-3)
    assert weight.std() > 0.005 or not cap
    assert trainer._metrics["train"]["sampler_gap"][0] > 1e-3


def token_log_p(model, prompt, response):
    with torch.no_grad():
        logits = model.eval()(torch.tensor([[*prompt, *response]])).logits[0, len(prompt) - 1 : -1]
    return torch.log_softmax(logits.double(), -1)[range(len(response)), response].tolist()


def test_a_cap_below_one_is_refused():
    """It would shorten the step and call it a correction."""
    for cap in (0.5, -1, float("inf"), float("nan")):
        with pytest.raises(ValueError, match=r"--importance-cap must be 0 \(no weights\) or finite and >= 1"):
            TrainConfig(importance_cap=cap)
