"""Majority vote: of n samples of the model one that gives the answer that most of them give; a baseline."""

from collections import Counter
from collections.abc import Callable, Sequence

from llm.grading import answers as boxed
from llm.samplers.base import Drawn, Request
from llm.samplers.best_of_n import candidates_of
from llm.samplers.particles import response_ids


def sample(request: Request, candidates: int = 8, vote: Callable[[str, bool], str | None] = boxed.vote) -> Drawn:
    """Columns: candidates, the n behind each row; votes, how many of them gave its answer."""
    cloud, rows = candidates_of(request, candidates)
    responses = response_ids(cloud.tokens)
    texts = request.tokenizer.batch_decode(responses, skip_special_tokens=True)
    answers = [vote(text, ids[-1] in request.stops) for text, ids in zip(texts, responses, strict=True)]
    elected = [_elect([answers[i] for i in ballot]) for ballot in rows.view(-1, candidates).tolist()]
    chosen = [ballot[place] for ballot, (place, _) in zip(rows.view(-1, candidates).tolist(), elected, strict=True)]
    columns = {"candidates": [candidates] * len(chosen), "votes": [votes for _, votes in elected]}
    return Drawn([responses[i] for i in chosen], None, columns, cloud.forwards, {})


def _elect(answers: Sequence[str | None]) -> tuple[int, int]:
    """(place of a candidate with the plurality answer, its votes); the first one where nobody answers.

    The candidates stand in random order, so that the first of a tie is a fair choice among it.
    """
    votes = Counter(answer for answer in answers if answer is not None)
    if not votes:
        return 0, 0
    answer = max(votes, key=votes.__getitem__)  # of a tie the one that was given first
    return answers.index(answer), votes[answer]
