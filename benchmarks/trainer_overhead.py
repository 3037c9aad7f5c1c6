"""CPU seconds a step of our trainer against plain TRL RLOO with a KL term: same model, data, grader, seed, in one run.

    python benchmarks/trainer_overhead.py [--steps 12] [--rounds 4] [--output overhead.json]

The two take turns, several times, so that a busy machine slows both alike; the ratio of the medians is printed. Both
start from the same weights and seed, so they generate the same responses in the tilted regime.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
import warnings

warnings.filterwarnings("ignore", category=FutureWarning)

import numpy as np  # noqa: E402
import torch  # noqa: E402
import transformers  # noqa: E402
from datasets import Dataset  # noqa: E402
from transformers import TrainerCallback  # noqa: E402
from trl import RLOOConfig, RLOOTrainer  # noqa: E402

from llm.grading.grade import grade  # noqa: E402
from llm.models.loading import load, resolve  # noqa: E402
from llm.models.organisms import MAX_RESPONSE_TOKENS  # noqa: E402
from llm.problems import BUNDLED, load_problems  # noqa: E402
from llm.training.collapse import Diagnosis  # noqa: E402
from llm.training.rewards import log_prob_term, task_reward, trl_beta  # noqa: E402
from llm.training.trainer import LogProbRewardTrainer  # noqa: E402
from theory.estimation.samples import BaseSamples  # noqa: E402
from theory.objectives import regime  # noqa: E402

OBJECTIVE = regime("tilted", beta=0.1)


class Clock(TrainerCallback):
    """From the beginning of a step until it is logged: what is computed for the log counts.

    CPU seconds of the process: both do all their work in it.
    """

    def __init__(self):
        self.seconds = []

    def on_step_begin(self, args, state, control, **kwargs):
        self._started = time.process_time()

    def on_log(self, args, state, control, logs, **kwargs):
        if "reward" in logs:
            self.seconds.append(time.process_time() - self._started)


def plain_reward(completions, answer, **_):
    return [grade(*row) for row in zip(completions, answer, strict=True)]


def some_samples() -> BaseSamples:
    """As many as the base rollouts of a run are; what they say does not matter here."""
    rng = np.random.default_rng(0)
    shape = (128, 64)
    return BaseSamples(-rng.gamma(3.0, 1.5, shape), rng.integers(0, 2, shape) * 1.0, rng.integers(4, 28, shape) * 1.0)


def step_seconds(trainer_class, reward_funcs, steps: int, **options) -> list[float]:
    model, tokenizer = load(resolve("aligned"))
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        args = RLOOConfig(
            output_dir=folder,
            beta=trl_beta(OBJECTIVE),
            per_device_train_batch_size=256,
            num_generations=8,
            max_completion_length=MAX_RESPONSE_TOKENS,
            max_steps=steps,
            learning_rate=1e-4,
            bf16=torch.cuda.is_available(),
            report_to="none",
            save_strategy="no",
            disable_tqdm=True,
            dataloader_pin_memory=False,
            logging_steps=1,
        )
        trainer = trainer_class(
            model=model,
            reward_funcs=reward_funcs,
            args=args,
            train_dataset=Dataset.from_list([{"prompt": p.text, "answer": p.answer} for p in load_problems(BUNDLED)]),
            processing_class=tokenizer,
            callbacks=[clock],
            **options,
        )
        trainer.train()
    return clock.seconds[2:]  # the first steps pay for warming up


def by_round(seconds: dict[str, list[float]], rounds: int) -> list[float]:
    """Ratio of the medians in every round: how much the ratio itself moves."""
    each = len(seconds["ours"]) // rounds
    parts = [{name: values[i * each : (i + 1) * each] for name, values in seconds.items()} for i in range(rounds)]
    return [statistics.median(part["ours"]) / statistics.median(part["plain"]) for part in parts]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--output", default=None)
    options = parser.parse_args()
    transformers.utils.logging.disable_progress_bar()
    seconds = {"ours": [], "plain": []}
    diagnosis = Diagnosis(some_samples())
    for round_ in range(options.rounds):
        turns = [
            ("ours", LogProbRewardTrainer, [task_reward, log_prob_term(OBJECTIVE)], {"diagnose": diagnosis}),
            ("plain", RLOOTrainer, [plain_reward], {}),
        ]
        for name, trainer_class, functions, extra in turns if round_ % 2 else turns[::-1]:
            seconds[name] += step_seconds(trainer_class, functions, options.steps, **extra)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    result = {
        "ours_seconds_per_step": medians["ours"],
        "plain_trl_seconds_per_step": medians["plain"],
        "ratio": medians["ours"] / medians["plain"],
        "ratio_of_means": statistics.mean(seconds["ours"]) / statistics.mean(seconds["plain"]),
        "ratio_by_round": by_round(seconds, options.rounds),
        "steps_each": len(seconds["ours"]),
        "load_average": os.getloadavg(),
    }
    print(json.dumps(result, indent=2))
    if options.output:
        with open(options.output, "w") as file:
            json.dump(result, file, indent=2)


if __name__ == "__main__":
    main()
