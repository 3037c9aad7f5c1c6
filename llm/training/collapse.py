"""Collapse, noticed early: length or entropy falling below everything that the forecast's path passes through.

On its way from the base model to its optimum a run should stay on a line of the (alpha, b) plane (T8). The base samples
say how long and how diverse responses are along that line. A run below the lowest of these values, by more than the
noise of a batch, is doing something that its objective does not ask for in the tabular theory: looping, emptying out,
repeating one response.
"""

from collections.abc import Callable
from typing import Any

from transformers import TrainerCallback

from llm.training.stopping import log_p_right_minus_wrong
from theory.estimation.band import LowerEdges
from theory.estimation.coordinate import coordinate, predicted
from theory.estimation.samples import BaseSamples

PATIENCE = 3  # steps in a row
UNITS = {"length": "tokens", "entropy": "nats"}


class Diagnosis:
    """A step's means -> its coordinate, how far length and entropy are from the prediction there, and T29's sign."""

    def __init__(self, samples: BaseSamples):
        self.samples = samples

    def __call__(self, means: dict[str, float]) -> dict[str, float]:
        alpha, b = coordinate(self.samples, means["log_p"], means["accuracy"])
        here = predicted(self.samples, alpha, b)
        return {
            "alpha_t": alpha,
            "b_t": b,
            "length_gap": means["length"] - float(here.length.mean()),
            "entropy_gap": means["sequence_entropy"] - float(here.entropy.mean()),
            "truncated": 1 - means["finished"],
            **log_p_right_minus_wrong(means),
        }


class CollapseWatch(TrainerCallback):
    """Warns once when the band has been left for three steps in a row, and stops the run there if asked to."""

    def __init__(self, edges: LowerEdges, stop: bool, warn: Callable[[str], Any] = print):
        self.edges, self.stop, self.warn = edges, stop, warn
        self.below = {"length": 0, "entropy": 0}
        self.warning: dict[str, Any] | None = None

    def on_log(self, args, state, control, logs, **kwargs):
        if "sequence_entropy" not in logs or not self.see(state.global_step, logs):
            return
        seen = self.warning
        if seen and state.is_world_process_zero:
            self.warn(
                f"possible collapse at step {seen['step']}: {seen['quantity']} is {seen['value']:.2f} "
                f"{UNITS[seen['quantity']]} and has been below {seen['lower_edge']:.2f}, the lowest that the forecast "
                f"allows, for {PATIENCE} steps" + ("; the run stops here" if self.stop else "")
            )
        control.should_training_stop = control.should_training_stop or self.stop

    def see(self, step: int, means: dict[str, float]) -> bool:
        """True at the one step where the band has been left for long enough. A resumed run is shown its past."""
        if self.warning:
            return False
        for name, value in (("length", means["length"]), ("entropy", means["sequence_entropy"])):
            edge = getattr(self.edges, name)
            self.below[name] = self.below[name] + 1 if value < edge else 0
            if self.below[name] == PATIENCE:
                self.warning = {"step": step, "quantity": name, "value": value, "lower_edge": edge}
                return True
        return False

    @property
    def ended_the_run(self) -> bool:
        return self.stop and self.warning is not None
