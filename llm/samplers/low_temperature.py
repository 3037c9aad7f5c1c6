"""Low temperature: each token from p(·|prefix)^alpha, normalised token by token; a baseline that is not p^alpha."""

from llm.samplers.base import Drawn, Request
from llm.samplers.particles import begin, grow, individuals, response_ids


def sample(request: Request, alpha: float = 4.0) -> Drawn:
    """Temperature 1/alpha; log_pi = Σ_t log [p(y_t|y_<t)^α / Σ_v p(v|y_<t)^α].    [T16]

    Diagnostics: ess, how many draws of p^alpha these samples are worth when weighted by p^alpha/pi (mean over prompts).
    """
    cloud = begin(request.model, request.prompt_ids, request.samples)
    cloud = grow(request.model, cloud, alpha, request.max_new_tokens, request.stops, request.generator)
    rows = individuals(cloud, request.generator)
    log_weight = cloud.log_weight[rows]
    ess = (2 * log_weight.logsumexp(1) - (2 * log_weight).logsumexp(1)).exp()
    return Drawn(
        response_ids(cloud.tokens[rows.view(-1)]),
        (alpha * cloud.log_p[rows] - log_weight).view(-1).tolist(),
        {},
        cloud.forwards,
        {"ess": float(ess.mean())},
    )
