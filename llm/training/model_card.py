"""The card of a trained model: what it was trained for, on what, by which code, and how it did; facts of the run."""

from pathlib import Path

from trl import RLOOConfig

from llm.gym.spec import described
from llm.training.config import TrainConfig
from llm.wording import with_error
from theory.vocabulary import LengthControl

ROWS = ("accuracy", "length", "finished", "log_p", "kl", "entropy")


def model_card(config: TrainConfig, args: RLOOConfig, summary: dict, commit: str | None) -> str:
    """Markdown with the hub's metadata above it; summary is what summary.json holds."""
    parts = [part for part in ("base", "final", "best") if part in summary]
    titles = {"base": "base model", "final": "this model (last step)", "best": "best on validation prompts"}
    judged = "prompts it was trained on" if config.same_prompts else "held-out prompts"
    table = [
        f"| {judged} | " + " | ".join(titles[part] for part in parts) + " |",
        "|---|" + "---|" * len(parts),
        *(
            f"| {name} | "
            + " | ".join(with_error(summary[part][name], summary[part][f"{name}_se"]) for part in parts)
            + " |"
            for name in ROWS
        ),
    ]
    facts = {
        "regime": config.regime,
        "alpha": config.alpha,
        "beta": config.beta,
        "kappa (length exponent)": config.kappa or None,
        "length control": None if config.length_control == LengthControl.NONE else config.length_control,
        "base model": config.model,
        "reward": config.reward,
        "training data": described(config.dataset or "addition (bundled)"),
        "held-out data": "none: it is judged by the prompts it was trained on"
        if config.same_prompts
        else described(config.eval_dataset or "") or f"{config.eval_prompts} problems held out of the training data",
        "steps": summary["steps"],
        "responses a step": f"{args.generation_batch_size // args.num_generations} prompts x {args.num_generations}",
        "learning rate": args.learning_rate,
        "LoRA rank (merged into the weights)": config.lora_rank or None,
        "not arrived at its optimum": summary.get("not_arrived"),
        "seed": config.seed,
        "commit of the code": commit,
        "collapse warning": summary["collapse"] and f"at step {summary['collapse']['step']}",
    }
    is_hub_id = config.model.count("/") == 1 and not Path(config.model).exists()
    metadata = ["library_name: transformers", "pipeline_tag: text-generation"]
    metadata += [f"base_model: {config.model}"] if is_hub_id else []
    return "\n".join(
        [
            "---",
            *metadata,
            "---",
            f"# {Path(config.model).name}, {config.regime}",
            "",
            "Trained by RLOO on one objective J(π) = w E[r] + c E[log p] + τ H(π), p being the base model and r the "
            f"task reward: w = {config.objective.reward_weight:g}, c = {config.objective.reference_weight:g}, "
            f"τ = {config.objective.entropy_weight:g}.",
            "",
            *(f"- {name}: {value}" for name, value in facts.items() if value is not None),
            "",
            *table,
            "",
            f"{config.eval_samples} responses to each prompt at temperature 1 ({config.forecast_samples} for the base "
            "model), ± one standard error over prompts; length in tokens, the rest in nats a response; accuracy counts "
            "a truncated response as wrong; KL to the base model is the mean of log π - log p (estimator k1).",
            "",
        ]
    )
