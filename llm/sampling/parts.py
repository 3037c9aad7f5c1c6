"""Sampling in parts of a few prompts, each saved in one move: a killed run goes on where it was."""

import contextlib
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import transformers

from harness import run_folder
from harness.progress import track
from harness.reservation import Place, reserved
from llm.evaluation.averages import summarise
from llm.gym.spec import facts as gym_facts
from llm.models import loading
from llm.models.organisms import MAX_RESPONSE_TOKENS, ORGANISMS
from llm.problems import BOXED, BUNDLED, MathProblem, hold_out, load_problems
from llm.prompts import record
from llm.prompts.form import prompt_form
from llm.rewards.registry import reward_of
from llm.rewards.reward import Reward, RewardFault
from llm.samplers import base, shared_prefix
from llm.samplers.base import Request, Sampler
from llm.samplers.methods import rows_per_sample, sampler
from llm.sampling import rollouts
from llm.sampling.config import SampleConfig
from llm.wording import number, with_error
from theory.score_noise import sd_of_a_token


def sample(config: SampleConfig) -> Path:
    """Write rollouts.parquet, summary.json; returns the table's path."""
    with reserved("llm.sample", config.output_dir, config, config.overwrite, goes_on="the same command") as place:
        return _sample(config, place)


def _sample(config: SampleConfig, place: Place) -> Path:
    transformers.utils.logging.disable_progress_bar()
    path = loading.resolve(config.model)
    bundled = config.model in ORGANISMS or config.dataset == BUNDLED
    form = prompt_form(config, bundled)
    reward = reward_of(config.reward)
    problems = choose_problems(config, bundled, reward)
    reward.try_out(problems, form)
    dtype = torch.bfloat16 if torch.cuda.is_available() else torch.float32
    model, tokenizer = loading.load(path, config.head_dtype, dtype=dtype)
    form.fit(tokenizer, config.model)
    prompts = record.facts_of([form.rendered(tokenizer, problem) for problem in problems])
    model.eval().to("cuda" if torch.cuda.is_available() else "cpu")
    stops = loading.stop_token_ids(model, tokenizer)
    limit = config.max_new_tokens or (MAX_RESPONSE_TOKENS if bundled else 1536)
    longest = limit + max(len(form.encode(tokenizer, problem)) for problem in problems)
    draw = _sampler(config, path, reward, longest)

    if not config.overwrite:
        record.check_same(place.path, prompts, "--output-dir")
    folder = place.begin_or_go_on(config)
    place.note({"prompts": prompts, **gym_facts(config.dataset)})
    record.show(prompts)
    parts = folder / "parts"
    parts.mkdir(exist_ok=True)
    at_once = max(
        1,
        int(
            config.batch_size / (config.samples * rows_per_sample(config.method, config.samples, config.method_options))
        ),
    )
    chunks = [problems[start : start + at_once] for start in range(0, len(problems), at_once)]
    for index, chunk in enumerate(track(chunks, "sampling")):
        part = parts / f"{index:06d}.parquet"
        if part.exists():
            continue
        prompt_ids = [form.encode(tokenizer, problem) for problem in chunk]
        # A part's draws depend on its own seed alone: it does not matter which run made the parts before it.
        generator = torch.Generator().manual_seed(_seed(config.seed, index))
        drawn = draw(Request(model, tokenizer, prompt_ids, config.samples, limit, stops, generator))
        with _faults_name_what_is_kept(folder, index, len(chunks)):
            table = rollouts.tabulate(
                model,
                tokenizer,
                chunk,
                prompt_ids,
                drawn,
                stops,
                batch_size=config.batch_size,
                form=form,
                reward=reward,
                share_prefixes=config.share_prefixes,
            )
        facts = {"tokens": drawn.tokens, "prompts": len(chunk), **drawn.diagnostics}
        run_folder.write_json(part.with_suffix(".json"), facts)
        run_folder.write(part, table.to_parquet)

    return _join(folder, [parts / f"{index:06d}.parquet" for index in range(len(chunks))])


def _join(folder: Path, parts: list[Path]) -> Path:
    """rollouts.parquet and summary.json of all parts."""
    table = pd.concat([pd.read_parquet(part) for part in parts], ignore_index=True)
    facts = pd.DataFrame([json.loads(part.with_suffix(".json").read_text()) for part in parts])
    weights = facts.pop("prompts")
    summary = {
        **summarise(table),
        "rows": len(table),
        "log_p_noise": _noise(table),
        "tokens": int(facts.pop("tokens").sum()),
        **{name: float(np.average(facts[name], weights=weights)) for name in facts},
    }
    run_folder.write(folder / "rollouts.parquet", table.to_parquet)
    run_folder.write_json(folder / "summary.json", summary)
    return folder / "rollouts.parquet"


def _noise(table: pd.DataFrame) -> float | None:
    """Standard deviation a token of what log_p owes to its batch, nats; None where no row was scored twice."""
    columns = (table[name].to_numpy(float) for name in ("log_p", "log_p_again", "length"))
    found = sd_of_a_token(*columns) if "log_p_again" in table else np.nan
    return found if np.isfinite(found) else None


def learnt(folder: Path) -> str:
    """What was sampled, in a sentence. folder: that of a finished llm.sample."""
    told = json.loads((folder / "summary.json").read_text())
    accuracy = with_error(100 * told["accuracy"], None if told["accuracy_se"] is None else 100 * told["accuracy_se"], 1)
    unfinished = number(100 * (1 - told["finished"]), 1)
    return (
        f"{told['rows']} responses: accuracy {accuracy} %, length {with_error(told['length'], told['length_se'], 1)} "
        f"tokens, {unfinished} % unfinished (± standard error over prompts)"
    )


@contextlib.contextmanager
def _faults_name_what_is_kept(folder: Path, done: int, parts: int) -> Iterator[None]:
    """A reward that fails in this part ends the command; the parts before it are there."""
    try:
        yield
    except RewardFault as error:
        kept = f"{done} of {parts} parts are kept in {folder}; the same command goes on from there"
        raise ValueError(f"{error}; {kept}") from None


def choose_problems(config: SampleConfig, bundled: bool, reward: Reward = BOXED) -> list[MathProblem]:
    """The problems that llm.train holds out for the same number, so that a forecast and a run have the same prompts."""
    dataset = config.dataset or (BUNDLED if bundled else None)
    if dataset is None:
        raise ValueError(f"--dataset is needed for --model {config.model}; name a file or a hub id")
    split = "heldout" if dataset == BUNDLED else config.split
    problems = load_problems(dataset, split, strict=config.strict, reward=reward)
    return hold_out(problems, config.prompts)[1] if 0 < config.prompts < len(problems) else problems


def _sampler(config: SampleConfig, path: str, reward: Reward, longest: int) -> Sampler:
    """What stands behind --method and --engine."""
    if config.engine == "vllm":
        from llm.samplers.vllm import engine

        return engine(path, longest)
    if config.method == "base":
        return partial((shared_prefix if config.share_prefixes else base).sample, batch_size=config.batch_size)
    if config.method == "majority-vote":
        if not reward.tells_answers:
            raise ValueError(f"--method majority-vote needs answers, and --reward {config.reward} tells none")
        return sampler(config.method, {**config.method_options, "vote": reward.vote})
    return sampler(config.method, config.method_options)


def _seed(seed: int, part: int) -> int:
    return int(np.random.SeedSequence([seed, part]).generate_state(1, np.uint64)[0] >> 1)
