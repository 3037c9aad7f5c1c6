"""A reward from a verifier that errs: what RL on it makes of accuracy, and where it ends.

Two kinds of error do different things. A verifier that always misjudges the same responses (a number format that it
does not know, a phrase that fools it) defines another set of "right" ones: RL finds that set, and however long it runs,
accuracy ends at the share of it that is really right among the base model's samples. A verdict that errs anew at each
call is only a weaker signal: mean rewards of right and wrong responses move together, and a smaller β makes up for it.
Which kind one has can be seen by asking the verifier twice.
"""

import numpy as np
from jaxtyping import Float, Real

from theory.distribution import plain


def verified_accuracy(
    accuracy: float | Real[np.ndarray, "*#batch"],
    true_accept: float | Real[np.ndarray, "*#batch"],
    false_accept: float | Real[np.ndarray, "*#batch"],
    b: float | Real[np.ndarray, "*#batch"],
) -> Float[np.ndarray, "*batch"] | float:
    """Accuracy of q_{1,b} when the reward is 1 on a set V that the verifier accepts, each response always alike.  [T27]

    true_accept = P(V|C), false_accept = P(V|C^c) under p; C are the right responses and accuracy = P(C). From
    A = P(C)(t e^b + 1 - t) / (P(V) e^b + P(V^c)),

        logit A(b) = logit A₀ + log (t e^b + 1 - t) - log (f e^b + 1 - f),

    monotone in b: it rises for t > f, stays for t = f, falls for t < f. b = inf gives `verifier_precision`.
    ValueError: a share outside [0, 1], b negative or nan.

    Among the right responses the accepted share t gains a factor e^b and the rest none, among the wrong ones the share
    f: each class grows by a mean factor, and only their ratio matters. A perfect verifier (t = 1, f = 0) adds b to the
    log-odds. Computed with e^{-b} <= 1, so that no b is too large.

    >>> [round(float(verified_accuracy(0.3, 0.9, 0.1, b)), 3) for b in (0, 2, np.inf)]
    [0.3, 0.638, 0.794]
    """
    _check_shares(accuracy=accuracy, true_accept=true_accept, false_accept=false_accept)
    if not np.all(np.greater_equal(b, 0)):
        raise ValueError(f"b must be >= 0, got {b}")
    right, wrong = (share + (1 - share) * np.exp(-np.asarray(b, float)) for share in (true_accept, false_accept))
    kept = accuracy * right
    with np.errstate(invalid="ignore"):  # nothing is accepted and b = inf: no response is left
        return plain(kept / (kept + (1 - np.asarray(accuracy, float)) * wrong))


def verifier_precision(
    accuracy: float | Real[np.ndarray, "*#batch"],
    true_accept: float | Real[np.ndarray, "*#batch"],
    false_accept: float | Real[np.ndarray, "*#batch"],
) -> Float[np.ndarray, "*batch"] | float:
    """P(C|V), the share of accepted base samples that are right: where RL ends as b → inf, however long it runs.  [T27]

    A hundred accepted samples, labelled by hand, tell it before any training. nan if nothing is accepted.
    On hard prompts even a good verifier accepts mostly errors: at accuracy .01 one that takes 90 % of the right and
    10 % of the wrong answers has a precision of .083, and that is where training on it would end.
    """
    return verified_accuracy(accuracy, true_accept, false_accept, np.inf)


def noisy_verdict_weight(
    b: float | Real[np.ndarray, "*#batch"], false_reject: float, false_accept: float
) -> float | Float[np.ndarray, "*batch"]:
    """b (1 - f - f'): the weight that remains of b when each verdict errs anew, at random.    [T27]

    A mean reward of 1 - f for right and f' for wrong responses, so logit A = logit A₀ + b (1 - f - f'): noise of this
    kind only rescales β. Below zero, where the verifier errs more often than not, accuracy falls.
    ValueError: a rate outside [0, 1].
    """
    _check_shares(false_reject=false_reject, false_accept=false_accept)
    return b * (1 - false_reject - false_accept)


def _check_shares(**shares):
    for name, share in shares.items():
        if not np.all(np.greater_equal(share, 0) & np.less_equal(share, 1)):
            raise ValueError(f"{name} must be between 0 and 1, got {share}")
