"""Tables of a small model, token by token: at each place of each prompt a distribution over seven tokens and the end.

As they should be, and made to deserve each suspicion.
"""

import numpy as np
from scipy.special import logsumexp

from theory.estimation.samples import Rollouts
from theory.estimation.suspicions import Kind, suspicions

TABLES, PROMPTS, SAMPLES, PLACES, TOKENS = 50, 40, 8, 40, 8


def drawn(seed, temperature=1.0, top_p=1.0, limit=PLACES, scale=1.5, length=12.0):
    """Rollouts of PROMPTS prompts: log p and entropy of the model itself, responses drawn at temperature and top-p."""
    generator = np.random.default_rng(seed)
    logits = scale * generator.normal(size=(PROMPTS, PLACES, TOKENS))
    logits[..., 0] = logsumexp(logits[..., 1:], axis=-1) - np.log(
        length
    )  # token 0 ends, after `length` tokens on average
    log_p = logits - logsumexp(logits, axis=-1, keepdims=True)
    entropy = -np.sum(np.exp(log_p) * log_p, axis=-1)
    chance = np.exp(log_p / temperature)
    order = np.argsort(-chance, axis=-1)
    chance /= chance.sum(axis=-1, keepdims=True)
    before = np.cumsum(np.take_along_axis(chance, order, -1), -1) - np.take_along_axis(chance, order, -1)
    kept = np.zeros_like(chance, bool)
    np.put_along_axis(kept, order, before < top_p, -1)
    chance = np.where(kept, chance, 0.0)
    cumulated = np.cumsum(chance / chance.sum(axis=-1, keepdims=True), axis=-1)[:, None]
    token = np.minimum((generator.random((PROMPTS, SAMPLES, PLACES, 1)) > cumulated).sum(-1), TOKENS - 1)
    written = np.arange(PLACES) < limit
    ends = np.cumsum((token == 0) & written, axis=-1) == 0
    alive = np.concatenate([np.ones((PROMPTS, SAMPLES, 1), bool), ends[..., :-1]], -1) & written
    chosen = np.take_along_axis(np.broadcast_to(log_p[:, None], (*token.shape, TOKENS)), token[..., None], -1)[..., 0]
    finished = (alive & (token == 0)).any(-1).ravel()
    text = np.unique(np.where(alive, token, -1).reshape(PROMPTS * SAMPLES, -1), axis=0, return_inverse=True)[1]
    reward = (text % 3 == 0) & finished
    return Rollouts(
        np.arange(PROMPTS),
        np.arange(PROMPTS) * SAMPLES,
        (chosen * alive).sum(-1).ravel(),
        reward.astype(float),
        alive.sum(-1).ravel().astype(float),
        text,
        finished,
        np.where(finished, text % 5, -1),
        np.zeros(PROMPTS, int),
        entropy=(entropy[:, None] * alive).sum(-1).ravel(),
    )


def changed(rollouts, **columns):
    names = (*Rollouts.__dataclass_fields__,)
    return Rollouts(**({name: getattr(rollouts, name) for name in names} | columns))


def of_prompts(rollouts, seed):
    """log p with the tokens of a prompt, 20 to 40 of two nats each."""
    tokens = np.random.default_rng(seed).integers(20, 40, PROMPTS)
    return changed(rollouts, log_p=rollouts.log_p - 2.0 * rollouts.each(tokens))


def greedy(rollouts):
    first = np.repeat(rollouts.start, rollouts.count)
    names = ("log_p", "length", "response", "entropy", "reward", "finished", "vote")
    return changed(rollouts, **{name: getattr(rollouts, name)[first] for name in names})


def cut_off(seed):
    """Ended by a limit of 20 tokens, and said to be finished."""
    rollouts = drawn(seed, limit=20)
    return changed(rollouts, finished=np.ones(len(rollouts.log_p), bool))


MADE = {
    Kind.MEAN_PER_TOKEN: lambda seed: (r := drawn(seed), changed(r, log_p=r.log_p / r.length))[1],
    Kind.BASE_10: lambda seed: (r := drawn(seed), changed(r, log_p=r.log_p / np.log(10)))[1],
    Kind.BASE_2: lambda seed: (r := drawn(seed), changed(r, log_p=r.log_p / np.log(2)))[1],
    Kind.PROMPT_INCLUDED: lambda seed: of_prompts(drawn(seed), seed),
    Kind.COLD: lambda seed: drawn(seed, temperature=0.7),
    Kind.HOT: lambda seed: drawn(seed, temperature=1.5),
    Kind.GREEDY: lambda seed: greedy(drawn(seed)),
    Kind.CUT_OFF: cut_off,
}


def kinds(rollouts, settings=None):
    return [found.kind for found in suspicions(rollouts, settings)]


def of_file(seed, change, share_of_other_tokens=0.3, noise=0.01):
    """(what a file has, what the model says, lengths, prompts): some texts are read back as other tokens."""
    rollouts = drawn(seed)
    generator = np.random.default_rng(seed)
    own = rollouts.log_p * (1 + noise * generator.normal(size=len(rollouts.log_p)))
    other = generator.random(len(own)) < share_of_other_tokens
    own = np.where(other, own - generator.exponential(5.0, len(own)), own)
    return change(rollouts), own, rollouts.length, rollouts.each(np.arange(PROMPTS))


BESIDE = {
    None: lambda r: r.log_p,
    Kind.MEAN_PER_TOKEN: lambda r: r.log_p / r.length,
    Kind.BASE_10: lambda r: r.log_p / np.log(10),
    Kind.BASE_2: lambda r: r.log_p / np.log(2),
    Kind.PROMPT_INCLUDED: lambda r: r.log_p - r.each(np.linspace(20, 80, PROMPTS)),
    Kind.OTHER_MODEL: lambda r: r.log_p - np.random.default_rng(1).exponential(10.0, len(r.log_p)),
}
