"""TRL's RLOOTrainer with rewards that see log-probabilities, and with checkpoints that continue a run exactly.

TRL scores each batch of responses under the policy and under the reference before it asks for rewards, and keeps
both to itself. This subclass remembers them and hands them to every reward function as the arguments `log_p`,
`log_pi`, `length` and `finished`: no forward pass more than plain RLOO with a KL term.
"""

import contextlib
from collections.abc import Callable

import torch
from trl import RLOOTrainer

from llm.data_order import EpochOrder


class LogProbRewardTrainer(RLOOTrainer):
    """diagnose: from the means of a step's metrics to further metrics, logged with them."""

    def __init__(self, *args, diagnose: Callable[[dict[str, float]], dict[str, float]] | None = None, **kwargs):
        super().__init__(*args, **kwargs)
        self.diagnose = diagnose
        self._scored: list[torch.Tensor] = []
        if self.beta == 0:
            raise ValueError("beta must not be 0: TRL would load no reference model to read log p from")
        if self.reward_clip_range:
            # TRL clips before its KL term, which would cut the sum of the two at the wrong place.
            raise ValueError(f"--reward-clip-range {self.reward_clip_range} changes the objective; leave it unset")

    def _generate_and_score_completions(self, inputs):
        self._scored = []
        return super()._generate_and_score_completions(inputs)

    def _generate_single_turn(self, *args, **kwargs):
        # In mixed precision TRL scores under autocast but generates in full float32: another, slower policy. vLLM has a
        # precision of its own.
        with contextlib.nullcontext() if self.use_vllm else self.accelerator.autocast():
            return super()._generate_single_turn(*args, **kwargs)

    def _get_per_token_logps_and_entropies(self, *args, **kwargs):
        result = super()._get_per_token_logps_and_entropies(*args, **kwargs)
        if not kwargs.get("compute_entropy"):  # the loss asks for entropies, the scoring passes do not
            self._scored.append(result[0].detach())
        return result

    def _calculate_rewards(self, inputs, prompts, completions, completion_ids_list):
        log_pi_tokens, log_p_tokens = self._scored  # policy first, then reference
        length = torch.tensor([len(ids) for ids in completion_ids_list], device=log_p_tokens.device)
        inside = torch.arange(log_p_tokens.shape[1], device=length.device) < length[:, None]
        stops = {*self.eos_token_ids, self._tokenizer.pad_token_id}
        finished = [ids[-1] in stops for ids in completion_ids_list]
        if self.mask_truncated_completions:  # TRL's own KL term leaves such responses out; so does ours
            inside = inside & torch.tensor(finished, device=length.device)[:, None]
        columns = {
            "log_p": (log_p_tokens.double() * inside).sum(1).tolist(),
            "log_pi": (log_pi_tokens.double() * inside).sum(1).tolist(),
            "length": length.tolist(),
            "finished": finished,
        }
        inputs = [
            {**example, **{name: values[row] for name, values in columns.items()}} for row, example in enumerate(inputs)
        ]
        return super()._calculate_rewards(inputs, prompts, completions, completion_ids_list)

    def log(self, logs, start_time=None):
        metrics = self._metrics["train"]
        if self.diagnose and self.model.training and metrics.get("reward"):
            means = {name: sum(values) / len(values) for name, values in metrics.items()}
            for name, value in self.diagnose(means).items():
                metrics[name].append(value)
        super().log(logs, start_time)

    def _get_train_sampler(self, dataset=None):
        return EpochOrder(super()._get_train_sampler(dataset), epoch=lambda: int(self.state.epoch or 0))

    def _save_rng_state(self, output_dir):
        super()._save_rng_state(output_dir)
        # trainer_state.json comes next and stands for a complete checkpoint: no process may lag behind it.
        self.accelerator.wait_for_everyone()
