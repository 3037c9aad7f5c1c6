"""Rollouts on held-out prompts by all processes of a run: each answers its share, each gets the whole table."""

import pandas as pd
import torch

from llm.problems import Problem
from llm.sampling.rollouts import sample_rollouts


def evaluate(model, tokenizer, problems: list[Problem], samples: int, seed: int, chat: bool, args, reference=None):
    """A rollouts table in the order of `problems`; args are TRL's. One process draws what sample_rollouts draws."""
    mine = problems[args.process_index :: args.world_size]
    tables = []
    if mine:
        # The samples come from the policy that training scores: under autocast where it is.
        with torch.autocast(args.device.type, torch.bfloat16, enabled=args.bf16):
            table = sample_rollouts(
                model.to(args.device),
                tokenizer,
                mine,
                samples,
                args.max_completion_length,
                seed + args.process_index,
                chat,
                reference if reference is None else reference.to(args.device),
                # Bundled models are tiny; the logits of long responses over 150,000 tokens are not.
                **({"batch_size": args.per_device_eval_batch_size, "scoring_batch_size": 4} if chat else {}),
            )
        tables.append(table)
    if args.world_size > 1:
        from accelerate.utils import gather_object

        tables = gather_object(tables)
    table = pd.concat(tables, ignore_index=True) if len(tables) > 1 else tables[0]
    order = {problem.prompt_id: place for place, problem in enumerate(problems)}
    return table.sort_values("prompt_id", key=lambda ids: ids.map(order), kind="stable", ignore_index=True)
