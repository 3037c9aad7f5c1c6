"""One of the processes of test_order_over_processes.py: runs that are killed after each step and gone on with.

It writes which prompts this process answered in which step, for the run that nobody disturbed and for what each of its
checkpoints goes on with. A killed process leaves its checkpoints and nothing else, so a new trainer stands for it.
"""

import json
import sys
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")

from datasets import Dataset  # noqa: E402
from trl import RLOOConfig  # noqa: E402

from llm.models.loading import load  # noqa: E402
from llm.training.rewards import log_prob_term  # noqa: E402
from llm.training.trainer import LogProbRewardTrainer  # noqa: E402
from theory.objectives import regime  # noqa: E402


def answered(model_folder: str, folder: Path, prompts: int, at_once: int, steps: int, killed: int | None) -> list:
    """The prompts of each batch of responses in turn. at_once: steps that one batch of responses is for."""
    model, tokenizer = load(model_folder)
    seen = []

    class Recording(LogProbRewardTrainer):
        def _generate_and_score_completions(self, inputs):
            seen.append([row["place"] for row in inputs])
            return super()._generate_and_score_completions(inputs)

    trainer = Recording(
        model=model,
        reward_funcs=[lambda completions, **_: [0.0] * len(completions), log_prob_term(regime("tempered", alpha=2.0))],
        args=RLOOConfig(
            output_dir=str(folder), beta=1.0, use_cpu=True, bf16=False, report_to="none", disable_tqdm=True,
            num_generations=2, per_device_train_batch_size=4, steps_per_generation=at_once, max_completion_length=2,
            max_steps=steps, save_steps=at_once, learning_rate=1e-3, dataloader_pin_memory=False, logging_steps=1,
        ),
        train_dataset=Dataset.from_list([{"prompt": f"{n}+1=", "place": n} for n in range(prompts)]),
        processing_class=tokenizer,
    )  # fmt: skip
    trainer.train(resume_from_checkpoint=str(folder / f"checkpoint-{killed}") if killed else None)
    return seen


if __name__ == "__main__":
    model, root, rank, cases = sys.argv[1], Path(sys.argv[2]), sys.argv[3], json.loads(sys.argv[4])
    found = []
    for number, (prompts, at_once, steps) in enumerate(cases):
        folder = root / str(number)
        whole = answered(model, folder, prompts, at_once, steps, None)
        kills = range(at_once, steps, at_once)
        found.append([whole, [answered(model, folder, prompts, at_once, steps, step) for step in kills]])
    (root / f"rank{rank}.json").write_text(json.dumps(found))
