"""A run whose training responses depend on their prompt and place alone, so that one process and two train on the same.

Started by test_two_processes.py with accelerate launch; everything but the sampling of training responses is real.
"""

import sys

import torch

from llm.train import main
from llm.training.trainer import LogProbRewardTrainer


def fixed_completions(self, prompt_ids, *_):
    stop = self.eos_token_ids[0]
    letters = [
        token for token in range(self._tokenizer.vocab_size) if token not in (stop, self._tokenizer.pad_token_id)
    ]
    completions = []
    for row, ids in enumerate(prompt_ids):
        # The responses to a prompt stand side by side, also when processes share the batch.
        generator = torch.Generator().manual_seed(1000 * sum(ids) + ids[0] + row % self.num_generations)
        length = int(torch.randint(2, 8, (), generator=generator))
        chosen = torch.randint(len(letters), (length,), generator=generator)
        completions.append([letters[i] for i in chosen] + [stop] * (length % 2))
    return completions


if __name__ == "__main__":
    LogProbRewardTrainer._generate_single_turn = fixed_completions
    sys.argv[0] = "llm.train"
    main()
