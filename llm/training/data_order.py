"""The order of prompts in every epoch, also of a run that begins in the middle.

TRL draws one permutation after another from a generator of its own, which starts afresh when a run is resumed: epoch 2
would get the order of epoch 0. Here the permutations of the epochs that are over are drawn again and dropped.
"""

from collections.abc import Callable, Iterator

import torch
from trl.trainer.utils import RepeatSampler


class EpochOrder(RepeatSampler):
    """TRL's sampler, whose order depends on (seed, epoch) and on nothing that a killed process takes with it."""

    def __init__(self, sampler: RepeatSampler, epoch: Callable[[], int]):
        super().__init__(
            sampler.data_source,
            sampler.mini_repeat_count,
            sampler.batch_size,
            sampler.repeat_count,
            sampler.shuffle,
            sampler.seed,
        )
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        if self.shuffle:
            self.generator.manual_seed(self.seed)
            for _ in range(self.epoch()):
                torch.randperm(self.num_samples, generator=self.generator)
        return super().__iter__()
