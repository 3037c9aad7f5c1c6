"""TRL's RLOOTrainer with rewards that see log-probabilities.

TRL scores each batch of responses under the policy and under the reference before it asks for rewards, and keeps
both to itself. This subclass remembers them and hands them to every reward function as the arguments `log_p`,
`log_pi`, `length` and `finished`: no forward pass more than plain RLOO with a KL term.
"""

import torch
from trl import RLOOTrainer


class LogProbRewardTrainer(RLOOTrainer):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._scored: list[torch.Tensor] = []
        if self.beta == 0:
            raise ValueError("beta must not be 0: TRL would load no reference model to read log p from")
        if self.reward_clip_range:
            # TRL clips before its KL term, which would cut the sum of the two at the wrong place.
            raise ValueError(f"--reward-clip-range {self.reward_clip_range} changes the objective; leave it unset")

    def _generate_and_score_completions(self, inputs):
        self._scored = []
        return super()._generate_and_score_completions(inputs)

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
