"""What a run shows and keeps while it trains: a progress bar, a line of metrics.jsonl a step, and the time it took."""

import time
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from transformers import TrainerCallback

from harness import run_folder


class RunRecorder(TrainerCallback):
    """A line of metrics.jsonl and a tick of the progress bar for every step, a line of validation.jsonl for every
    validation; written by the main process alone.
    """

    def __init__(self, output_dir: Path, steps: int, label: str):
        self.output_dir = output_dir
        self.progress = Progress(*Progress.get_default_columns(), "{task.fields[state]}", console=Console(stderr=True))
        self.task = self.progress.add_task(label, total=steps, state="")
        self._seconds = 0.0  # since the last line

    def on_train_begin(self, args, state, control, **kwargs):
        if state.is_world_process_zero:
            self.progress.start()

    def on_train_end(self, args, state, control, **kwargs):
        self.progress.stop()

    def on_step_begin(self, args, state, control, **kwargs):
        self._started = time.perf_counter()

    def on_step_end(self, args, state, control, **kwargs):
        self._seconds += time.perf_counter() - self._started

    def on_log(self, args, state, control, logs, **kwargs):
        if not state.is_world_process_zero:
            return
        if "eval_reward" in logs:
            run_folder.append_metrics(self.output_dir, {"step": state.global_step, **logs}, "validation.jsonl")
        elif "reward" in logs:  # with --num_iterations only the first step on a batch of responses has rewards
            row = {"step": state.global_step, **logs, "seconds": self._seconds}
            self._seconds = 0.0
            run_folder.append_metrics(self.output_dir, row)
            shown = f"accuracy {logs['accuracy']:.2f}  length {logs['length']:.1f}  log p {logs['log_p']:.1f}"
            self.progress.update(self.task, completed=state.global_step, state=shown)


def pace(rows: list[dict]) -> dict[str, float]:
    """seconds_per_step and tokens_per_second of the lines of metrics.jsonl; of all processes that worked on the run.

    The first fifth of the steps pays for warming up and is left out of the former.
    """
    seconds = [row["seconds"] for row in rows]
    first = len(rows) // 5
    steps = rows[-1]["step"] - (rows[first - 1]["step"] if first else 0) if rows else 0
    return {
        "seconds_per_step": sum(seconds[first:]) / max(steps, 1),
        "tokens_per_second": (rows[-1]["num_tokens"] if rows else 0) / max(sum(seconds), 1e-9),
    }
