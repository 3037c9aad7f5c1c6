"""TRL's RLOOTrainer with rewards that see log-probabilities, and with checkpoints that continue a run exactly.

TRL scores each batch of responses under the policy and under the reference before it asks for rewards, and keeps
both to itself. This subclass remembers them and hands them to every reward function as the arguments `log_p`,
`log_pi`, `length` and `finished`, of the response up to its first end-of-sequence token, and `sequence_log_p`,
`sequence_log_pi`, `sequence_length` of all that was generated: no forward pass more than plain RLOO with a KL term.
The two differ where end-of-sequence is ignored and generation goes on to the length limit, and where truncated
responses are left out of the gradient (`counted` is False): TRL takes their KL term for 0, and so are their
`sequence_log_p` and `sequence_log_pi`, while `log_p` and `log_pi` remain what the models say.
"""

import contextlib
from collections.abc import Callable

import torch
from accelerate.utils import gather_object
from trl import RLOOTrainer
from trl.models import unwrap_model_for_generation

from llm.models.head import float32_head, trl_scores_in_float32
from llm.models.token_tree import token_log_probs
from llm.samplers import shared_prefix
from llm.samplers.base import Request
from llm.training.data_order import EpochOrder
from llm.training.sampler_mismatch import SamplerMismatch


class LogProbRewardTrainer(RLOOTrainer):
    """diagnose: from the means of a step's metrics to further metrics, logged with them.
    ignore_eos: training responses do not end; what counts as the response ends where it would have.
    share_prefixes: what responses begin with is read once for all of them (llm.models.token_tree).
    importance_cap: responses that vLLM drew are weighed by min(pi/mu, cap), mu vLLM's own policy; 0: they are not.
    head_dtype: of the logits that scores and gradients are made of (llm.models.head); the model's own head is the
    caller's, who loads it.
    """

    def __init__(
        self,
        *args,
        diagnose: Callable[[dict[str, float]], dict[str, float]] | None = None,
        ignore_eos: bool = False,
        share_prefixes: bool = False,
        head_dtype: str = "float32",
        importance_cap: float = 20.0,
        **kwargs,
    ):
        in_float32 = head_dtype == "float32"
        with trl_scores_in_float32() if in_float32 else contextlib.nullcontext():
            super().__init__(*args, **kwargs)
        if in_float32 and self.ref_model is not None:
            float32_head(self.ref_model)
        self.sampler = SamplerMismatch(importance_cap) if self.use_vllm else None
        if self.sampler:
            self.sampler.listen(self.vllm_generation)
        self.share_prefixes = share_prefixes
        self.diagnose = diagnose
        self.ignore_eos = ignore_eos
        # A response that goes on may hold padding tokens that were sampled; they end nothing.
        self._stops = {*self.eos_token_ids, *([] if ignore_eos else [self._tokenizer.pad_token_id])}
        if ignore_eos:
            self._go_on_after_eos()
        self._scored: list[torch.Tensor] = []
        self._generated: list[int] = []  # tokens of each response of the batch
        if self.beta == 0:
            raise ValueError("beta must not be 0: TRL would load no reference model to read log p from")
        if self.reward_clip_range:
            # TRL clips before its KL term, which would cut the sum of the two at the wrong place.
            raise ValueError(f"--reward-clip-range {self.reward_clip_range} changes the objective; leave it unset")

    def _go_on_after_eos(self) -> None:
        if self.mask_truncated_completions:
            raise ValueError("--mask_truncated_completions leaves out what did not end, with ignore-eos that is all")
        if self.use_vllm:
            raise ValueError("--length-control ignore-eos generates with Transformers; drop --use_vllm")
        no_token = self.model.config.get_text_config().vocab_size  # is never sampled, and so ends nothing
        self.eos_token_ids = [no_token]
        self.generation_kwargs["eos_token_id"] = self.generation_config.eos_token_id = [no_token]

    def _generate_and_score_completions(self, inputs):
        self._scored = []
        batch = super()._generate_and_score_completions(inputs)
        if self.sampler:
            log_pi, log_p = (
                [row[:n].double().cpu().numpy() for row, n in zip(tokens, self._generated, strict=True)]
                for tokens in self._scored
            )
            weights = torch.tensor(self.sampler.weights(log_pi), device=batch["advantages"].device)
            batch["advantages"] = batch["advantages"] * weights.to(batch["advantages"].dtype)
            metrics = self._metrics["train" if self.model.training else "eval"]
            for name, value in self.sampler.compared(log_pi, log_p, gather_object).items():
                metrics[name].append(value)
        return batch

    def _generate(self, prompts):
        prompt_ids, response_ids, responses = super()._generate(prompts)
        self._generated = [len(ids) for ids in response_ids]
        return prompt_ids, response_ids, responses

    def _generate_single_turn(self, prompt_ids, *args, **kwargs):
        # In mixed precision TRL scores under autocast but generates in full float32: another, slower policy. vLLM has a
        # precision of its own.
        with contextlib.nullcontext() if self.use_vllm else self.accelerator.autocast():
            if self.share_prefixes and not self.use_vllm:
                return self._draw(prompt_ids)
            return super()._generate_single_turn(prompt_ids, *args, **kwargs)

    def _draw(self, prompt_ids: list[list[int]]) -> list[list[int]]:
        """Responses to prompts that come as often, one after the other, as each is to be answered."""
        samples = self.num_generations if self.model.training else self.num_generations_eval
        options = {"gradient_checkpointing_kwargs": self.args.gradient_checkpointing_kwargs}
        with unwrap_model_for_generation(self.model_wrapped, self.accelerator, **options) as model:
            prompts, stops = prompt_ids[::samples], set(self.eos_token_ids)
            request = Request(model, None, prompts, samples, self.max_completion_length, stops, torch.default_generator)
            return shared_prefix.sample(request, len(prompt_ids)).responses

    def _get_per_token_logps_and_entropies(self, model, input_ids, attention_mask, logits_to_keep, *args, **kwargs):
        scoring = not kwargs.get("compute_entropy")  # the loss asks for entropies, the scoring passes do not
        if scoring and self.mask_truncated_completions:
            attention_mask = self._with_truncated(attention_mask, logits_to_keep)
        if self.share_prefixes:
            ends = (slice(None, -logits_to_keep), slice(-logits_to_keep, None))
            prompts, responses = (
                [row[kept.bool()].tolist() for row, kept in zip(input_ids[:, end], attention_mask[:, end], strict=True)]
                for end in ends
            )
            with self.accelerator.autocast():
                result = *token_log_probs(model, prompts, responses, width=logits_to_keep), None
        else:
            result = super()._get_per_token_logps_and_entropies(
                model, input_ids, attention_mask, logits_to_keep, *args, **kwargs
            )
        if scoring:
            self._scored.append(result[0].detach())
        return result

    def _with_truncated(self, attention_mask, logits_to_keep: int) -> torch.Tensor:
        """The mask with truncated responses, which TRL hides from the model: they are read, so as to be logged."""
        place = torch.arange(logits_to_keep, device=attention_mask.device)
        response = place < torch.tensor(self._generated, device=attention_mask.device)[:, None]
        return torch.cat([attention_mask[:, :-logits_to_keep], response.to(attention_mask.dtype)], dim=1)

    def _calculate_rewards(self, inputs, prompts, completions, completion_ids_list):
        log_pi_tokens, log_p_tokens = self._scored  # policy first, then reference
        responses = [self._response(ids) for ids in completion_ids_list]
        finished = [ids[-1] in self._stops for ids in responses]
        if self.ignore_eos:
            completions = [self._shortened(*pair) for pair in zip(completions, responses, strict=True)]
        # TRL's own KL term leaves truncated responses out where it is told to; so does ours.
        counted = finished if self.mask_truncated_completions else [True] * len(finished)

        def sums(tokens, lengths):
            kept = torch.tensor(lengths, device=tokens.device)
            inside = torch.arange(tokens.shape[1], device=tokens.device) < kept[:, None]
            return (tokens.double() * inside).sum(1).tolist()

        length = [len(ids) for ids in responses]
        generated_and_counted = [n * c for n, c in zip(self._generated, counted, strict=True)]
        columns = {
            "log_p": sums(log_p_tokens, length),
            "log_pi": sums(log_pi_tokens, length),
            "length": length,
            "finished": finished,
            "counted": counted,
            "sequence_log_p": sums(log_p_tokens, generated_and_counted),
            "sequence_log_pi": sums(log_pi_tokens, generated_and_counted),
            "sequence_length": self._generated,
        }
        inputs = [
            {**example, **{name: values[row] for name, values in columns.items()}} for row, example in enumerate(inputs)
        ]
        return super()._calculate_rewards(inputs, prompts, completions, completion_ids_list)

    def _response(self, ids: list[int]) -> list[int]:
        """Up to the first end-of-sequence token."""
        if not self.ignore_eos:
            return ids
        end = next((place for place, token in enumerate(ids) if token in self._stops), len(ids))
        return ids[: end + 1]

    def _shortened(self, completion, ids: list[int]):
        """A completion, text or messages, with the text of these tokens only."""
        text = self._tokenizer.decode(ids, skip_special_tokens=True)
        return text if isinstance(completion, str) else [{**completion[0], "content": text}]

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
