"""Rollouts given with --base: are they what this run would have sampled itself, or would its forecast be another's?"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from llm.base_rollouts import check_log_pi, check_method, check_probabilities, config_beside
from llm.models import loading
from llm.problems import MathProblem
from llm.prompts.record import difference
from llm.rollout_file import read_file
from llm.rollout_table import from_table
from llm.suspicions import check_suspicions, suspected


def given_base(path: Path, model: str, problems: Sequence[MathProblem], reward: str = "boxed") -> pd.DataFrame:
    """The table, with the columns that follow from the others filled in: log_pi, entropy.

    ValueError: it cannot be read, is of another model or of another sampler, or of other prompts than the run's.
    """
    try:
        found = read_file(path)
        table = found.table
        needed = {name: why for name, why in found.unknown.items() if name != "given"}
        if needed:
            name, why = next(iter(needed.items()))
            raise ValueError(f"{path} is a file of {found.tool} and does not tell {name} ({why}); {_SAMPLE}")
        rollouts = from_table(table, str(path), found.unknown)
        check_method(path)
        check_log_pi(path, table)
        check_suspicions(str(path), suspected(table, rollouts), (), _SAMPLE)
        check_probabilities(path, rollouts)
    except ValueError as error:
        raise ValueError(f"--base: {error}") from None
    _check_model(path, model)
    _check_reward(path, reward)
    table = table.assign(prompt_id=table["prompt_id"].astype(str))
    _check_prompts(path, table, problems)
    if "log_pi" not in table:
        table["log_pi"] = table["log_p"]  # of samples of the base model they are one and the same
    if "entropy" not in table:
        table["entropy"] = -table["log_p"]  # the same on average over responses, with more spread
    return table


def check_same_limit(path: Path, table: pd.DataFrame, limit: int) -> None:
    """ValueError unless the responses end where those of training will end: a longer one, or one cut off earlier."""
    length, finished = table["length"].to_numpy(int), table["finished"].to_numpy(bool)
    too_long, cut_off = length > limit, ~finished & (length < limit)
    if not (too_long | cut_off).any():
        return
    what, found = ("ends after", length[too_long]) if too_long.any() else ("is cut off after", length[cut_off])
    raise ValueError(
        f"--base {path} has a response that {what} {found[0]} tokens, and training ends responses at "
        f"--max_completion_length {limit}; sample the base model under the same limit"
    )


def check_rendered(path: Path, table: pd.DataFrame, rendered: Mapping[str, str]) -> None:
    """ValueError unless the model has read what this run puts to it: {prompt_id: text}.

    A table without rendered_prompt (of the bundled task, or from elsewhere) was compared by its problems.
    """
    if "rendered_prompt" not in table:
        return
    for prompt_id, there in table.drop_duplicates("prompt_id").set_index("prompt_id")["rendered_prompt"].items():
        where = difference(str(there), rendered[str(prompt_id)])
        if where:
            raise ValueError(
                f"--base {path}: prompt {prompt_id} was put to the model in another form: {where}; give the options "
                "(--system, --instruction, --few-shot, --chat-template, --template-kwargs, --no-chat) that it was "
                "sampled with, or leave --base out"
            )


def _check_model(path: Path, model: str) -> None:
    """By what the folder of the table says of itself, if anything."""
    sampled = config_beside(path).get("model")
    # A hub id and the folder that it was downloaded to end in the same name.
    if isinstance(sampled, str) and Path(sampled).name != Path(model).name:
        if not _same_folder(sampled, model):
            raise ValueError(
                f"--base {path} was sampled from --model {sampled}, and this run trains {model}; {_SAMPLE}"
            )


def _check_reward(path: Path, reward: str) -> None:
    """By what the folder of the table says of itself, if anything; before --reward there was boxed alone."""
    config = config_beside(path)
    rewarded = config.get("reward", "boxed")
    if config and rewarded != reward:
        raise ValueError(f"--base {path} was rewarded by --reward {rewarded}, and this run by {reward}; {_SAMPLE}")


_SAMPLE = "sample this run's base model with python -m llm.sample, or leave --base out"


def _same_folder(one: str, other: str) -> bool:
    try:
        return Path(loading.resolve(one)).resolve() == Path(loading.resolve(other)).resolve()
    except ValueError:  # the folder that the rollouts were sampled from is gone
        return False


def _check_prompts(path: Path, table: pd.DataFrame, problems: Sequence[MathProblem]) -> None:
    """The held-out problems of the run, all of them and no other, by id, text and answer."""
    first = table.drop_duplicates("prompt_id").set_index("prompt_id")
    if len(first) != len(problems):
        raise ValueError(
            f"--base {path} has rollouts of {len(first)} prompts, and this run is evaluated on {len(problems)} "
            "(--eval-prompts); make the numbers the same"
        )
    for problem in problems:
        if problem.prompt_id not in first.index:
            raise ValueError(
                f"--base {path} has no rollouts of prompt {problem.prompt_id} ({_short(problem.text)}), on which this "
                f"run is evaluated; {_SAMPLE}"
            )
        row = first.loc[problem.prompt_id]
        for column, own in (("prompt", problem.text), ("answer", problem.answer)):
            if column in row and str(row[column]).strip() != own.strip():
                raise ValueError(
                    f"--base {path}: the {column} of {problem.prompt_id} is {_short(str(row[column]))}, and in this "
                    f"run's data it is {_short(own)}; {_SAMPLE}"
                )


def _short(text: str) -> str:
    """The beginning of a text, in one line."""
    line = " ".join(text.split())
    return repr(line if len(line) <= 40 else line[:37] + "...")
