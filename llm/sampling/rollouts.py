"""The rollouts table: one row a sampled response, readable without our code.

Columns: prompt_id, sample, response, answer, reward, log_p, length, finished, and where known prompt, rendered_prompt,
log_pi, entropy, log_p_again, given (the answer that a response gives by its kind of --reward, where that is not its
box; missing in every row where the reward tells none).
prompt is the problem, rendered_prompt all that the model read (not of the bundled task, where the two are one).
log_p is the sum over response tokens under the reference model (EOS included when finished), log_pi the same under
what sampled it (missing where a sampler's density is not known), entropy the sum of the model's token entropies along
the response, log_p_again the log_p that another batch gave for a few of the rows (missing in the others); all in nats.
length is in tokens, EOS included. reward is 0 for an unfinished response: what was cut off is not scored as if it were
complete.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from transformers import PreTrainedTokenizerBase

from llm.models.loading import stop_token_ids
from llm.problems import BOXED, MathProblem
from llm.prompts.form import BARE, PromptForm
from llm.rewards.reward import Reward
from llm.samplers import base, shared_prefix
from llm.samplers.base import Drawn, Request, Seen
from llm.sampling.scoring import response_log_probs

SCORED_TWICE = 0.03  # share of the rows
FEWEST_TWICE = 8  # of a part of the table, where it has as many


def sample_rollouts(
    model: torch.nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    problems: Sequence[MathProblem],
    samples: int,
    max_new_tokens: int,
    seed: int,
    form: PromptForm,
    reference: torch.nn.Module | None = None,
    batch_size: int = 512,
    scoring_batch_size: int | None = None,
    reward: Reward = BOXED,
    share_prefixes: bool = False,
    seen: Seen = iter,
) -> pd.DataFrame:
    """samples responses to each problem at temperature 1, scored under model (log_pi) and reference (log_p).

    No reference: the model is its own, log_p = log_pi. The global torch generator is left as it was found. Scoring
    holds the logits of whole responses, and may need smaller batches than sampling.
    """
    prompt_ids = [form.encode(tokenizer, problem) for problem in problems]
    stops = stop_token_ids(model, tokenizer)
    generator = torch.Generator().manual_seed(seed)
    was_training = model.training
    model.eval()
    request = Request(model, tokenizer, prompt_ids, samples, max_new_tokens, stops, generator)
    drawn = (shared_prefix if share_prefixes else base).sample(request, batch_size, seen)
    scoring = scoring_batch_size or batch_size
    table = tabulate(
        model, tokenizer, problems, prompt_ids, drawn, stops, reference, scoring, form, reward, share_prefixes
    )
    model.train(was_training)
    return table


def tabulate(
    model: torch.nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    problems: Sequence[MathProblem],
    prompt_ids: Sequence[list[int]],
    drawn: Drawn,
    stops: set[int],
    reference: torch.nn.Module | None = None,
    batch_size: int = 512,
    form: PromptForm = BARE,
    reward: Reward = BOXED,
    share_prefixes: bool = False,
) -> pd.DataFrame:
    """The table of what was drawn: decoded, graded and scored.

    log_pi is what the method says; where it says nothing it is the model's own log-probability, unless the method has
    columns of its own, which means that it sampled something else.
    """
    samples = len(drawn.responses) // len(problems)
    rows = [(problem, ids, n) for problem, ids in zip(problems, prompt_ids, strict=True) for n in range(samples)]
    asked = [ids for _, ids, _ in rows]
    of_all = (asked, drawn.responses, tokenizer.pad_token_id, batch_size)
    scores = response_log_probs(model, *of_all, with_entropy=True, share_prefixes=share_prefixes).double()
    own = scores[:, 0]
    log_p = own
    if reference is not None:
        log_p = response_log_probs(reference, *of_all, share_prefixes=share_prefixes).double()
    again = log_p_again(reference or model, *of_all, share_prefixes=share_prefixes)
    texts = tokenizer.batch_decode(drawn.responses, skip_special_tokens=True)
    finished = [bool(ids) and ids[-1] in stops for ids in drawn.responses]
    rendered = {} if form is BARE else {"rendered_prompt": _repeated(form, tokenizer, problems, samples)}
    voted = zip(texts, finished, strict=True)
    given = {} if reward.boxes else {"given": [reward.vote(*row) if reward.tells_answers else None for row in voted]}
    return pd.DataFrame(
        {
            "prompt_id": [problem.prompt_id for problem, *_ in rows],
            "sample": [n for *_, n in rows],
            "prompt": [problem.text for problem, *_ in rows],
            **rendered,
            "response": texts,
            "answer": [problem.answer for problem, *_ in rows],
            **given,
            "reward": reward.scores(texts, [problem for problem, *_ in rows], finished, form),
            "log_p": log_p.numpy(),
            "log_pi": own.numpy() if drawn.log_pi is None and not drawn.columns else drawn.log_pi,
            "entropy": scores[:, 1].numpy(),
            "log_p_again": again,
            "length": [len(ids) for ids in drawn.responses],
            "finished": finished,
            **drawn.columns,
        }
    ).astype({"log_pi": float})


def log_p_again(model, prompt_ids, response_ids, pad_token_id: int, batch_size: int, share_prefixes: bool = False):
    """log p of a few rows, spread over all, read beside other rows than before; nan for the others.

    The two numbers of a row differ by what the arithmetic of its batch adds (theory.score_noise.sd_of_a_token).
    """
    every = max(1, min(round(1 / SCORED_TWICE), len(response_ids) // FEWEST_TWICE))
    rows = np.arange(0, len(response_ids), every)
    several = max(1, min(batch_size // 2, len(rows) - 1))  # a batch of another size, with other neighbours
    found = response_log_probs(
        model,
        [prompt_ids[row] for row in rows],
        [response_ids[row] for row in rows],
        pad_token_id,
        several,
        share_prefixes=share_prefixes,
    )
    again = np.full(len(response_ids), np.nan)
    again[rows] = found.double().numpy()
    return again


def _repeated(
    form: PromptForm, tokenizer: PreTrainedTokenizerBase, problems: Sequence[MathProblem], samples: int
) -> list[str]:
    """What the model read, for every row."""
    return [text for problem in problems for text in [form.rendered(tokenizer, problem)] * samples]
