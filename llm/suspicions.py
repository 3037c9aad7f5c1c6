"""What is odd about a table of rollouts, in a sentence each: said beside the numbers, never guessed away.

Where what is odd could turn the answer round, a forecast stops, unless its user says that it is to go on.
"""

from collections.abc import Collection, Sequence
from typing import Any

import pandas as pd

from llm.rollout_table import as_given
from llm.wording import say
from theory.estimation.samples import Rollouts
from theory.estimation.suspicions import HARMLESS, Kind, Suspicion, suspicions

SENTENCES = {
    Kind.MEAN_PER_TOKEN: "log p looks like a mean over the tokens ({:.3f} of what the entropies say), not their sum",
    Kind.BASE_10: "log p looks like a logarithm to base 10 ({:.2f} of what the entropies say); multiply it by 2.303, "
    "unless it was a temperature far below 1, which looks alike",
    Kind.BASE_2: "log p looks like a logarithm to base 2 ({:.2f} times what the entropies say); multiply it by 0.693, "
    "unless it was a temperature above 1, which looks alike",
    Kind.IMPOSSIBLE: "the different responses to one prompt have a probability of {:.3g} together, more than 1: log p "
    "is a mean over tokens, to base 10, or of something else",
    Kind.COLD: "the responses are likelier than samples of the model ({:.2f} of the surprisal that the entropies say): "
    "sampled at a temperature below 1, with top-p or with top-k",
    Kind.HOT: "the responses are less likely than samples of the model, by {:.2f} nats and more the longer they are: "
    "sampled at a temperature above 1, or scored by another model",
    Kind.PROMPT_INCLUDED: "log p is {:.2f} nats lower than the entropies say, whatever the length: it looks as if the "
    "prompt's own tokens were counted in, or as if they were scored after another prompt than they were sampled with",
    Kind.UNLIKELY: "log p is {:.1f} nats a token below 0, less than blind draws from a vocabulary would have: "
    "other tokens than the response's are counted in, or it is in other units",
    Kind.OTHER_MODEL: "log p is {:.2f} nats a response off what the model says of the same texts: another model "
    "or other weights, another prompt, or responses that were sampled in another way",
    Kind.TEMPERATURE: "the file says temperature {:g}; forecasts are for samples at temperature 1",
    Kind.TOP_P: "the file says top-p {:g}; forecasts are for samples without it",
    Kind.TOP_K: "the file says top-k {:g}; forecasts are for samples without it",
    Kind.GREEDY: "on {:.0%} of the prompts all samples are the same text: greedy decoding, or one response copied",
    Kind.CUT_OFF: "{:.0%} of the responses end at the largest length, mostly without an answer, and are said to be "
    "finished: they look cut off",
}


def suspected(table: pd.DataFrame, rollouts: Rollouts) -> list[Suspicion]:
    """What is odd about a table as samples of a model at temperature 1; it may say itself that it is not."""
    settings = {name: as_given(table, name) for name in ("temperature", "top_p", "top_k") if name in table}
    return suspicions(rollouts, settings)


def check_known(accept: Sequence[str]) -> None:
    """ValueError for what is no kind of suspicion."""
    for kind in accept:
        if kind not in list(Kind):
            raise ValueError(f"--accept {kind} is no suspicion; it must be one of {', '.join(Kind)}")


def check_suspicions(name: str, found: Sequence[Suspicion], accept: Collection[str], instead: str) -> None:
    """ValueError, one sentence with what to do instead, for the first that could turn the answer round.

    What cannot be at all (IMPOSSIBLE) is refused by llm.base_rollouts, which no option overrules.
    """
    for odd in found:
        if odd.kind not in (*HARMLESS, Kind.IMPOSSIBLE, *accept):
            raise ValueError(f"{name}: {sentence(odd)}; {instead.replace('KIND', odd.kind)}")


def further(
    name: str, found: Sequence[Suspicion], known: Sequence[Suspicion], accept: Collection[str]
) -> list[Suspicion]:
    """Those that are not known yet, said on stderr. ValueError for one that could turn the answer round."""
    new = [odd for odd in found if odd.kind not in {old.kind for old in known}]
    check_suspicions(f"--model says of ROLLOUTS {name}", new, accept, "give the right file or model, or --accept KIND")
    say(f"{name}: {sentence(odd)}" for odd in new)
    return new


def described(found: list[Suspicion]) -> list[dict[str, Any]]:
    """As forecast.json holds them."""
    return [{"kind": str(kind), "value": value, "sentence": sentence(Suspicion(kind, value))} for kind, value in found]


def sentence(suspicion: Suspicion) -> str:
    return SENTENCES[suspicion.kind].format(suspicion.value)
