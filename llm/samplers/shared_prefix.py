"""The model itself as a sampler, each distinct beginning read once: the prompt, and what responses have in common.

As long as some responses to a prompt are the same, the model is asked once for all of them, and its answer is drawn
from as often as there are of them: the same independent draws as one by one. They are particles at power 1.
"""

from llm.samplers.base import Drawn, Request, Seen
from llm.samplers.particles import begin, grow, individuals, response_ids


def sample(request: Request, batch_size: int = 512, seen: Seen = iter) -> Drawn:
    """Responses of the model itself, at temperature 1; at most batch_size of them, or one prompt's, side by side."""
    at_once = max(1, batch_size // request.samples)
    responses: list[list[int]] = []
    tokens = 0
    for start in seen(range(0, len(request.prompt_ids), at_once)):
        cloud = begin(request.model, request.prompt_ids[start : start + at_once], request.samples)
        cloud = grow(request.model, cloud, 1.0, request.max_new_tokens, request.stops, request.generator)
        rows = individuals(cloud, request.generator)
        responses += response_ids(cloud.tokens[rows.view(-1)])
        tokens += cloud.forwards
    return Drawn(responses, None, {}, tokens, {})
