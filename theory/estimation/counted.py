"""Records of the line of b by counts: accuracy, gain, KL and pass@k from right answers alone, the rest from weights.

On the line alpha = 1 a 0/1 reward treats all right responses to a prompt alike, and all wrong ones. So what becomes of
its accuracy depends on its accuracy alone, and of that the number of right samples says everything that there is. A
weighted mean says the same where it can, and is lost where a prompt has no right sample; counts of all prompts together
say how many such prompts are never solved and how many seldom.
"""

from collections.abc import Sequence
from dataclasses import replace

from theory.estimation.counts import along_b
from theory.estimation.prompt_accuracies import PromptAccuracies
from theory.estimation.records import Forecast, Method
from theory.estimation.reweight import Target
from theory.estimation.samples import Rollouts
from theory.vocabulary import LengthControl


def with_counts(rollouts: Rollouts, records: Sequence[Forecast]) -> list[Forecast]:
    """The records, and after each by weights of a task reward alone one by counts. None where rewards are not 0 and 1.

    Weights know what each response is like, counts know the number of the right ones exactly: so length, entropy and
    votes stay those of the weights, with their doubts, and all that depends on accuracies is replaced. Beside and not
    instead of the weights: where the two disagree by more than their intervals, something is wrong with one of them.
    """
    told = [record for record in records if record.method == Method.PSIS and _counts_suffice(record.target)]
    if not rollouts.binary or not told:
        return list(records)
    ks = [int(name.removeprefix("pass@")) for name in told[0].quantities if name.startswith("pass@")]
    counted = iter(along_b(PromptAccuracies.of_rollouts(rollouts), [record.target.b for record in told], ks))
    found = []
    for record in records:
        found.append(record)
        if any(record is other for other in told):
            own = replace(record, method=Method.COUNTS, quantities={**record.quantities, **next(counted)})
            found.append(replace(own, samples_needed=None) if own.reliable else own)
    return found


def _counts_suffice(target: Target) -> bool:
    """A power, or a term of length, treats right responses differently: then counts say too little."""
    return target.alpha == 1 and target.b > 0 and target.length_control == LengthControl.NONE
