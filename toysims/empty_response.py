"""When sharpening ends at the empty response: a Markov policy whose chance to stop at once is turned up (T17)."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np

from theory.length import empty_response_wins, shortest_path
from toysims.experiment import Part, Row
from toysims.policies import chains
from toysims.policies.chains import Markov
from toysims.verdict import Check

OFFSETS = (-1.0, -0.3, -0.1, 0.1, 0.3, 1.0)  # nats between the empty response and the likeliest other one
STEPS = 2000  # of size 5: sharpened to a power of about 10,000


def with_stop(policy: Markov, log_odds: float) -> Markov:
    """The same policy, but for these log-odds of stopping at the start; what it says otherwise stays as likely."""
    stop, moves = policy.stop.copy(), policy.transition.copy()
    stop[policy.start] = 1 / (1 + np.exp(-log_odds))
    moves[policy.start] *= (1 - stop[policy.start]) / moves[policy.start].sum()
    return replace(policy, transition=moves, stop=stop)


def chance_to_be_empty(policy: Markov, steps: int = STEPS) -> float:
    """After sharpening without an entropy term; the likeliest response has no more moves than there are states."""
    log_p = jnp.asarray(policy.log_p)
    learned = chains.ascend(log_p, log_p, 0.0, len(policy.stop), policy.start, step_size=5.0, max_steps=steps)
    return float(np.exp(learned.log_pi[0, policy.start, -1]))


def empty_rows(name: str, policy: Markov) -> Part:
    """The end of training on both sides of the threshold log p(stop at once) = log p(likeliest other response)."""
    # With next to no chance to stop at once the likeliest response is the likeliest that says something.
    talking = with_stop(policy, -40.0)
    content = shortest_path(talking.transition, talking.stop, talking.start).log_p
    checks: list[Check] = []
    rows: list[Row] = []
    for offset in OFFSETS:
        here = with_stop(policy, content + offset)
        log_stop = float(np.log(here.stop[here.start]))
        log_other = content + float(np.log1p(-here.stop[here.start]))
        predicted = float(empty_response_wins(log_stop, log_other))
        chance = chance_to_be_empty(here)
        claim = f"{name}, empty response {offset:+g} nats from the next: chance of it"
        checks.append(Check(claim, "T17", predicted, chance, 1e-6))
        rows.append({"part": "empty", "policy": name, "x": offset, "simulated": chance, "predicted": predicted})
    borders = [_border(policy, content, steps) for steps in (STEPS // 2, STEPS)]
    # A finite power prefers the richer continuation by one part in itself: to no such part, from the last two.
    found = 2 * borders[1] - borders[0]
    checks.append(Check(f"{name}: log-odds of stopping at which it turns empty", "T17", content, found, 1e-5))
    return checks, rows


def _border(policy: Markov, content: float, steps: int) -> float:
    """The log-odds of stopping at once from which the trained policy is rather empty than not, by bisection."""
    low, high = content - 0.1, content + 0.1
    while high - low > 1e-6:
        middle = (low + high) / 2
        empty = chance_to_be_empty(with_stop(policy, middle), steps) > 0.5
        low, high = (low, middle) if empty else (middle, high)
    return low
