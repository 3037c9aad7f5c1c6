"""One of the two processes of test_fsdp2.py, started by accelerate launch with the shipped FSDP2 configuration.

accelerate 1.15 shards on accelerators alone: AcceleratorState passes over the plugin for processes on a CPU, and they
would run as plain data parallel ones until TRL asks for what only a sharded model has. Here it is told to; the rest is
as it is.
"""

import json
import sys
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")

from accelerate import state  # noqa: E402
from accelerate.utils import DistributedType  # noqa: E402
from datasets import Dataset  # noqa: E402
from fixed_completions import fixed_completions  # noqa: E402
from trl import RLOOConfig  # noqa: E402

from llm.models.loading import load  # noqa: E402
from llm.training.rewards import log_prob_term  # noqa: E402
from llm.training.trainer import LogProbRewardTrainer  # noqa: E402
from theory.objectives import regime  # noqa: E402


def shard_on_a_cpu() -> None:
    own = state.AcceleratorState.__init__

    def init(self, *args, fsdp_plugin=None, **options):
        own(self, *args, fsdp_plugin=fsdp_plugin, **options)
        if fsdp_plugin is not None and self.distributed_type == DistributedType.MULTI_CPU:
            self.distributed_type, self.fsdp_plugin = DistributedType.FSDP, fsdp_plugin
            state.PartialState._shared_state["distributed_type"] = DistributedType.FSDP

    state.AcceleratorState.__init__ = init


def trained(model_folder: str, folder: Path, saved: Path, processes: int, resume: bool = False) -> dict:
    """Two steps, each with a checkpoint, or the second alone, from the first one's; the model goes to `saved`."""
    model, tokenizer = load(model_folder)
    trainer = LogProbRewardTrainer(
        model=model,
        reward_funcs=[lambda completions, **_: [0.0] * len(completions), log_prob_term(regime("tempered", alpha=2.0))],
        args=RLOOConfig(
            output_dir=str(folder), beta=1.0, use_cpu=True, bf16=False, report_to="none", disable_tqdm=True,
            num_generations=2, per_device_train_batch_size=8 // processes, max_completion_length=8, max_steps=2,
            save_steps=1, learning_rate=0.01, dataloader_pin_memory=False, logging_steps=1, shuffle_dataset=False,
        ),
        train_dataset=Dataset.from_list([{"prompt": f"{n}+1=", "place": n} for n in range(8)]),
        processing_class=tokenizer,
    )  # fmt: skip
    trainer.train(resume_from_checkpoint=str(folder / "checkpoint-1") if resume else None)
    weight = next(weight for name, weight in trainer.model.named_parameters() if "q_proj" in name)
    here = weight.to_local() if hasattr(weight, "to_local") else weight
    trainer.save_model(str(saved))
    rows = [row for row in trainer.state.log_history if "grad_norm" in row]
    return {
        "whole": weight.numel(),
        "here": here.numel(),
        "rows": [[row[name] for name in ("grad_norm", "reward", "kl")] for row in rows],
    }


if __name__ == "__main__":
    model, root = sys.argv[1], Path(sys.argv[2])
    LogProbRewardTrainer._generate_single_turn = fixed_completions
    shard_on_a_cpu()
    found = [trained(model, root / "run", root / "whole", 2), trained(model, root / "run", root / "resumed", 2, True)]
    if state.PartialState().is_main_process:
        (root / "found.json").write_text(json.dumps(found))
