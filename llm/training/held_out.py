"""Rollouts on held-out prompts by all processes of a run: each answers its share, each gets the whole table."""

from functools import partial

import pandas as pd
import torch
from transformers import PreTrainedModel

from harness.progress import track
from llm.prompts.form import BARE
from llm.sampling.rollouts import sample_rollouts
from llm.training.setup import Setup


def held_out_rollouts(
    setup: Setup, policy: PreTrainedModel, samples: int, seed: int, reference: PreTrainedModel | None = None
) -> pd.DataFrame:
    """A rollouts table in the order of the held-out problems. One process draws what sample_rollouts draws."""
    args, problems = setup.args, setup.problems.held_out
    mine = problems[args.process_index :: args.world_size]
    # Bundled models are tiny; the logits of long responses over 150,000 tokens are not.
    scored = args.per_device_eval_batch_size if setup.config.share_prefixes else 4
    small = (
        {"batch_size": args.per_device_eval_batch_size, "scoring_batch_size": scored} if setup.form is not BARE else {}
    )
    tables = []
    if mine:
        # The samples come from the policy that training scores: under autocast where it is.
        with torch.autocast(args.device.type, torch.bfloat16, enabled=args.bf16):
            table = sample_rollouts(
                policy.to(args.device),
                setup.tokenizer,
                mine,
                samples,
                args.max_completion_length,
                seed + args.process_index,
                setup.form,
                reference if reference is None else reference.to(args.device),
                reward=setup.reward,
                share_prefixes=setup.config.share_prefixes,
                seen=partial(track, what=f"{samples} responses to each of {len(problems)} prompts")
                if setup.writes
                else iter,
                **small,
            )
        tables.append(table)
    if args.world_size > 1:
        from accelerate.utils import gather_object

        tables = gather_object(tables)
    table = pd.concat(tables, ignore_index=True) if len(tables) > 1 else tables[0]
    order = {problem.prompt_id: place for place, problem in enumerate(problems)}
    return table.sort_values("prompt_id", key=lambda ids: ids.map(order), kind="stable", ignore_index=True)
