"""Every option of TRL's RLOOConfig in one of three lists: harmless, part of the objective, refused with the reason.

A run is compared with a forecast of where its objective ends. An option may change how fast, how precisely or at what
cost a run gets there (harmless), or it may be one of those that the objective is made of and that the forecast knows
(objective). Whatever else would move the end, or would make log p and log pi not those of the sampler, is refused. A
test fails when TRL has an option that stands in none of the lists.

Nothing of TRL or torch is imported, so that a wrong option is found at once.
"""

import fnmatch
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from harness.command import did_you_mean

REPORTS = (
    "report_to", "run_name", "project", "trackio_space_id", "trackio_bucket_id", "trackio_static_space_id",
    "logging_first_step", "log_on_each_node", "logging_nan_inf_filter", "log_level", "log_level_replica",
    "disable_tqdm", "log_completions", "num_completions_to_print", "log_unique_prompts", "log_multimodal", "debug",
    "skip_memory_metrics",
)  # fmt: skip
HARMLESS: dict[str, tuple[str, ...]] = {
    "the batch: how noisy a step is; RLOO's gradient has the right mean at any size [T15]": (
        "per_device_train_batch_size", "gradient_accumulation_steps", "num_generations", "num_generations_eval",
        "per_device_eval_batch_size", "shuffle_dataset",
    ),
    "several steps on one batch of responses: the advantages are 0 at the optimum, however old the batch": (
        "generation_batch_size", "steps_per_generation", "num_iterations", "epsilon", "epsilon_high",
    ),
    "the optimiser: how fast a run gets to the optimum, and how much it trembles there": (
        "learning_rate", "lr_scheduler_type", "lr_scheduler_kwargs", "warmup_steps", "adam_beta1", "adam_beta2",
        "adam_epsilon", "max_grad_norm", "weight_decay",
    ),
    "precision, memory, speed: the same numbers up to rounding": (
        "bf16", "fp16", "tf32", "activation_checkpointing", "gradient_checkpointing", "torch_compile",
        "torch_compile_backend", "torch_compile_mode", "use_liger_kernel", "use_cache", "torch_empty_cache_steps",
        "pad_to_multiple_of", "full_determinism", "use_cpu", "average_tokens_across_devices",
    ),
    "generation by vLLM, from the same distribution": (
        "use_vllm", "vllm_mode", "vllm_model_impl", "vllm_enable_sleep_mode", "vllm_server_base_url",
        "vllm_server_host", "vllm_server_port", "vllm_server_timeout", "vllm_group_port",
        "vllm_gpu_memory_utilization", "vllm_max_model_length", "vllm_tensor_parallel_size",
    ),
    "processes and data loading": (
        "dataloader_drop_last", "dataloader_num_workers", "dataloader_pin_memory", "dataloader_persistent_workers",
        "dataloader_prefetch_factor", "dataloader_multiprocessing_context", "ddp_find_unused_parameters",
        "ddp_bucket_cap_mb", "ddp_broadcast_buffers", "ddp_static_graph", "ddp_backend", "ddp_timeout", "local_rank",
    ),
    "reports": REPORTS,
    "checkpoints": ("save_steps", "save_total_limit", "eval_delay"),
    "not read by this trainer": (
        "do_train", "do_eval", "do_predict", "prediction_loss_only", "eval_do_concat_batches",
        "eval_use_gather_object", "eval_accumulation_steps", "include_for_metrics", "batch_eval_metrics",
        "label_names", "length_column_name",
    ),
}  # fmt: skip

OBJECTIVE: dict[str, str] = {
    "beta": "tau of the regime; `--beta`, `--regime` and `--alpha` of llm.train say it",
    "max_completion_length": "no response is longer; the base rollouts end there as well",
}


class Refusal(NamedTuple):
    """Options that are refused for one reason, and what of them is harmless all the same."""

    names: tuple[str, ...]
    reason: str  # goes on after "--name value "
    allowed: tuple[str, ...] = ()  # values as they are typed, or patterns of them
    keys: tuple[str, ...] | None = None  # of a dictionary option
    regimes: tuple[str, ...] = ()  # in which any value is harmless
    row: str = ""  # of the atlas: the trainer whose end the run would have


_NOT_THE_SAMPLER = "makes the sampler differ from pi, so that log pi and log p are not its log-probabilities"
_AFTER_THE_RUN = "uploads in the middle of a run; use `hf upload` on its folder model/ when it is finished"
_BY_ACCELERATE = "is for accelerate launch to say, in its --config_file; see docs/launch.md"
_NO_PAGED = "generates with rounded weights (and rounds those in training with --bf16): not the policy that is scored"

REFUSED: tuple[Refusal, ...] = (
    # What makes log p and log pi not the sampler's.
    Refusal(("temperature", "top_p", "repetition_penalty"), _NOT_THE_SAMPLER, allowed=("1",)),
    Refusal(("top_k", "min_p"), _NOT_THE_SAMPLER, allowed=("0",)),
    Refusal(("generation_kwargs",), _NOT_THE_SAMPLER, keys=()),
    Refusal(("vllm_structured_outputs_regex",), _NOT_THE_SAMPLER),
    Refusal(
        ("neftune_noise_alpha",),
        "adds noise to the embeddings where responses are scored: log pi would not be the sampler's",
    ),
    Refusal(("disable_dropout",), "leaves dropout on where responses are scored: log pi would not be the sampler's",
            allowed=("true",)),
    Refusal(
        ("use_transformers_continuous_batching", "use_transformers_paged"), _NO_PAGED, allowed=("false",)
    ),
    Refusal(("transformers_continuous_batching_config",), "is read by a refused option only", keys=()),
    Refusal(("cache_implementation",), "may round the sampler's cache or cut it off",
            allowed=("dynamic", "static", "offloaded", "offloaded_static")),
    Refusal(("chat_template_kwargs",), "is said by --template-kwargs, for training, forecast and evaluation alike",
            keys=()),
    # What moves the reference, or makes it another model than --model.
    Refusal(("sync_ref_model",), "moves the reference while the run goes on, and the end with it [T11]",
            allowed=("false",), row="moving reference"),
    Refusal(("ref_model_mixup_alpha", "ref_model_sync_steps"), "is read with --sync_ref_model only, which is refused"),
    Refusal(("model_init_kwargs",), "would make the reference another model than --model (its dtype alone is free)",
            keys=("dtype",)),
    Refusal(("trust_remote_code",), "would run code of a checkpoint; models are data here", allowed=("false",)),
    # What changes the return or the loss.
    Refusal(("normalize_advantages",), "divides the total return by its standard deviation: it never settles [T14]",
            allowed=("false",), row="std-normalised total return"),
    Refusal(("reward_clip_range",), "clips the rewards before TRL adds its KL term: the sum is then no return of T1"),
    Refusal(
        ("reward_weights",),
        "weighs the task reward against log p, which is what a regime does: --regime tilted-tempered with --alpha "
        "and --beta trains on both, and is forecast",
    ),
    Refusal(
        ("mask_truncated_completions",),
        "takes truncated responses out of the gradient and leaves them in the baseline with return 0: where that ends "
        "is no power of the base model [T34] (but for --regime task, where a truncated response earns 0)",
        allowed=("false",), regimes=("task",),
    ),
    Refusal(("router_aux_loss_coef",), "adds a loss that is not in the objective", allowed=("0",)),
    Refusal(("label_smoothing_factor",), "is not read by the loss of RLOO", allowed=("0",)),
    Refusal(
        ("optim",),
        "does not follow the gradient of one policy: galore_ and apollo_ project it, lomo moves within a batch, "
        "schedule_free_ and grokadamw train other weights or another gradient than those that answer",
        allowed=("adamw_*", "paged_*", "ademamix*", "lion_*", "rmsprop*", "adafactor", "adagrad", "sgd",
                 "stable_adamw"),
    ),
    Refusal(("optim_target_modules",), "is read by optimisers that are refused"),
    Refusal(
        ("optim_args",), "may change the loss or the step in ways that no test has seen",
        keys=("momentum", "dampening", "nesterov", "alpha", "eps", "centered", "lr_decay", "beta1", "beta2", "beta3",
              "t_alpha", "t_beta3", "use_kahan_summation", "momentum_dtype", "variance_dtype",
              "compensation_buffer_dtype", "block_size", "bf16_stochastic_round"),
    ),
    Refusal(("activation_checkpointing_kwargs", "gradient_checkpointing_kwargs"),
            "may compute other activations the second time", keys=("use_reentrant",)),
    Refusal(("liger_kernel_config",), "may replace the forward pass that log pi is read from"),
    # What llm.train says in its own words.
    Refusal(("max_steps", "num_train_epochs"), "is said by --steps"),
    Refusal(("output_dir",), "is said by --output-dir of llm.train and llm.compare"),
    Refusal(("seed", "data_seed"), "is said by --seed of llm.train (llm.compare: --seeds)"),
    Refusal(("resume_from_checkpoint",), "is found by llm.train itself in the --output-dir when it is given --resume"),
    Refusal(("eval_strategy", "eval_steps"), "is said by --validation-prompts; it validates every --save_steps"),
    Refusal(("eval_on_start",), "is not needed: base.parquet holds the base model's evaluation", allowed=("false",)),
    Refusal(("metric_for_best_model",), "is accuracy: best.parquet holds that of the best checkpoint",
            allowed=("eval_accuracy",)),
    Refusal(("greater_is_better",), "would choose the worst checkpoint", allowed=("true",)),
    Refusal(("load_best_model_at_end",), "would judge the best checkpoint as the last; best.parquet has it apart",
            allowed=("false",)),
    Refusal(("logging_strategy",), "would leave steps out of metrics.jsonl", allowed=("steps",)),
    Refusal(("logging_steps",), "would leave steps out of metrics.jsonl", allowed=("1",)),
    Refusal(("include_num_input_tokens_seen",), "counts what TRL counts already (num_tokens)",
            allowed=("false", "no")),
    # What a resumed run could not go on from, or what two nodes would write over each other.
    Refusal(("save_strategy",), "would save in the middle of a batch of responses", allowed=("steps", "no")),
    Refusal(("save_only_model",), "leaves out the optimiser, without which --resume is another run",
            allowed=("false",)),
    Refusal(("ignore_data_skip",), "would give a resumed run prompts that it has had", allowed=("false",)),
    Refusal(("restore_callback_states_from_checkpoint",), "would stop a resumed run where SIGTERM stopped it",
            allowed=("false",)),
    Refusal(("enable_jit_checkpoint",), "is done already: SIGTERM ends the step, saves and stops",
            allowed=("false",)),
    Refusal(("save_on_each_node",), "would write the same files from every node", allowed=("false",)),
    Refusal(("dataloader_in_order",), "would make the order of prompts depend on the machine's load",
            allowed=("true",)),
    # What would break a run.
    Refusal(("auto_find_batch_size",), "would break up the responses to a prompt", allowed=("false",)),
    Refusal(("remove_unused_columns",), "would take the answers away from the grader", allowed=("false",)),
    Refusal(("train_sampling_strategy",), "is not read by RLOO; --shuffle_dataset false keeps the file's order",
            allowed=("random",)),
    Refusal(("bf16_full_eval", "fp16_full_eval"), "is not read while a run trains", allowed=("false",)),
    # What is said elsewhere.
    Refusal(("fsdp", "fsdp_config", "accelerator_config", "parallelism_config"), _BY_ACCELERATE),
    Refusal(("deepspeed",), "brings an optimiser and a precision of its own; FSDP2 does the same, see docs/launch.md"),
    Refusal(("ds3_gather_for_generation",), "is read with --deepspeed only, which is refused", allowed=("true",)),
    Refusal(("push_to_hub", "hub_always_push"), _AFTER_THE_RUN, allowed=("false",)),
    Refusal(("hub_model_id", "hub_token", "hub_private_repo", "hub_strategy", "hub_revision"), _AFTER_THE_RUN),
)  # fmt: skip

_REFUSAL = {name: refusal for refusal in REFUSED for name in refusal.names}
NAMES = frozenset(name for names in HARMLESS.values() for name in names) | OBJECTIVE.keys() | _REFUSAL.keys()
SECRET = {"hub_token"}


def check_options(arguments: Sequence[str], own: Collection[str], regimes: Collection[str]) -> None:
    """ValueError for the first option that TRL does not have, or that is refused in one of the regimes.

    arguments: what a command line has left for TRL. own: the command's own options, to suggest for a typo.
    """
    for flag, (name, text) in _given(arguments).items():
        if name not in NAMES:
            near = did_you_mean(flag, [*own, *NAMES]) or "; see --help, and TRL's RLOOConfig for its options"
            raise ValueError(f"unknown option --{flag}{near}")
        if name == "beta":
            raise ValueError(f"--beta {text} belongs to a regime: choose --arms of llm.compare, or use llm.train")
        refusal = _REFUSAL.get(name)
        if refusal and not (refusal.regimes and set(regimes) <= set(refusal.regimes)):
            _refuse(name, text, refusal)
        elif name == "lr_scheduler_kwargs":
            _dictionary(name, text)


def _given(arguments: Sequence[str]) -> dict[str, tuple[str, str]]:
    """flag as typed, without its dashes -> (TRL's name, its value as typed). What is given later wins."""
    given: dict[str, tuple[str, str]] = {}
    flag = ""
    for argument in arguments:
        if argument.startswith("--"):
            flag, _, text = argument.removeprefix("--").partition("=")
            name = flag.replace("-", "_")
            negated = name.startswith("no_") and name not in NAMES
            given.pop(flag, None)
            given[flag] = (name.removeprefix("no_"), "false") if negated else (name, text)
        elif flag:
            name, text = given[flag]
            given[flag] = (name, f"{text} {argument}".strip())
    last = {name: flag for flag, (name, _) in given.items()}
    return {flag: (name, text or "true") for flag, (name, text) in given.items() if last[name] == flag}


def _refuse(name: str, text: str, refusal: Refusal) -> None:
    """ValueError unless what was typed is harmless."""
    if any(_same(text, allowed) for allowed in refusal.allowed):
        return
    what, instead = "" if name in SECRET else f" {text}", "leave it out"
    if refusal.keys is not None:
        wrong = [key for key in _dictionary(name, text) if key not in refusal.keys]
        if not wrong:
            return
        what = f" {wrong[0]}"
        instead = f"it may have {', '.join(refusal.keys)} alone" if refusal.keys else instead
    elif refusal.allowed:
        one = len(refusal.allowed) == 1
        instead = f"leave it at {refusal.allowed[0]}" if one else f"it may be {', '.join(refusal.allowed)}"
    row = f" (python -m theory.atlas, row {refusal.row!r})" if refusal.row else ""
    raise ValueError(f"--{name}{what} {refusal.reason}{row}; {instead}")


def _dictionary(name: str, text: str) -> Iterable[str]:
    """The keys of an option that is an object of JSON, or of optim_args, which is key=value,key=value."""
    if name == "optim_args":
        return [pair.partition("=")[0].strip() for pair in text.split(",") if pair.strip()]
    try:
        content = json.loads(text)
    except json.JSONDecodeError:
        content = None
    if not isinstance(content, dict):
        raise ValueError(f"--{name} {text} is not an object of JSON; write it as '{{\"name\": value}}'")
    return content


def _same(text: str, allowed: str) -> bool:
    """Is the typed text this value: a switch, a number or a word?"""
    switches = {"true": {"true", "t", "yes", "y", "1"}, "false": {"false", "f", "no", "n", "0"}}
    if allowed in switches:
        return text.lower() in switches[allowed]
    try:
        return float(text) == float(allowed)
    except ValueError:
        return fnmatch.fnmatch(text.lower(), allowed)


def markdown() -> Iterator[str]:
    """The lines of the tables in docs/launch.md."""
    yield from ("| harmless | |", "|---|---|")
    for why, names in HARMLESS.items():
        yield f"| {why} | {_code(names)} |"
    yield from ("", "| part of the objective, and in the forecast | |", "|---|---|")
    for name, how in OBJECTIVE.items():
        yield f"| {_code([name])} | {how} |"
    yield from ("", "| refused | why | harmless |", "|---|---|---|")
    for refusal in REFUSED:
        row = f"; the atlas's row *{refusal.row}*" if refusal.row else ""
        harmless = [*(refusal.keys or ()), *refusal.allowed, *(f"--regime {name}" for name in refusal.regimes)]
        yield f"| {_code(refusal.names)} | {refusal.reason}{row} | {_code(harmless)} |"


def _code(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
