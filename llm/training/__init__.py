"""A training run: `run` sets up, samples the base model, trains and judges; each of the four stands in its module.

`TrainConfig` is what a run is asked; `setup` checks all that it needs before anything is written; `trainer` is TRL's
RLOOTrainer with rewards that see log-probabilities; `judging` evaluates what was saved. Loading the room loads no
torch.

>>> from llm.training import TrainConfig
>>> TrainConfig(regime="tempered", alpha=2.0).objective
Objective(reward_weight=0.0, reference_weight=2.0, entropy_weight=1.0)
"""

from llm.training.config import TrainConfig

__all__ = ["TrainConfig"]
