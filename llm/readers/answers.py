"""Right answers from a table of their own, for files that hold responses alone; and rewards that follow from them."""

from dataclasses import replace

import pandas as pd

from llm.readers.found import Found, Misread

GRADED = "rewards were made here: a response is right where its last box holds the answer"


def with_answers(found: Found, answers: pd.DataFrame) -> Found:
    """answer, reward or both for each response, by the prompt_id or custom_id of both tables.

    A table of answers that has both columns also says which requests asked the same prompt. Misread names an id that
    it lacks or holds twice.
    """
    key = next((name for name in ("custom_id", "prompt_id") if name in answers), None)
    given = [name for name in ("answer", "reward") if name in answers]
    if key is None or not given:
        raise Misread("--answers needs the columns prompt_id (or custom_id) and answer or reward")
    of_key = answers.assign(**{key: answers[key].astype(str)}).set_index(key)
    if not of_key.index.is_unique:
        raise Misread(f"--answers has {key} {of_key.index[of_key.index.duplicated()][0]} twice")
    asked = found.table["prompt_id"].astype(str)
    missing = asked[~asked.isin(of_key.index)]
    if len(missing):
        raise Misread(f"--answers has no {key} {missing.iloc[0]}")
    table = found.table.assign(**{name: of_key.loc[asked, name].to_numpy() for name in given})
    if key == "custom_id" and "prompt_id" in of_key:
        table["prompt_id"] = of_key.loc[asked, "prompt_id"].astype(str).to_numpy()
        table["sample"] = table.groupby("prompt_id").cumcount()
    return replace(found, table=table, unknown={name: why for name, why in found.unknown.items() if name not in given})


def with_rewards(found: Found) -> Found:
    """As it is where it has rewards; else graded by its answers. Misread where it has neither."""
    if not found.tool or "reward" in found.table:
        return found
    if "answer" not in found.table:
        raise Misread(f"it is a file of {found.tool}: {found.unknown['reward']}")
    from llm.grading.grade import grade_all

    table, known = found.table, {name: why for name, why in found.unknown.items() if name != "reward"}
    finished = table["finished"] if "finished" in table else [True] * len(table)
    rewards = grade_all(list(table["response"]), list(table["answer"].astype(str)), list(finished))
    return replace(found, table=table.assign(reward=rewards), unknown=known, notes=(*found.notes, GRADED))
