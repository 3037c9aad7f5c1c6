"""What base rollouts say before any training, in sentences: each a number, its interval, and what to do about it."""

from typing import Any, NamedTuple

import numpy as np

from theory.estimation.intervals import ClusterBootstrap, mean_interval
from theory.estimation.length_term import length_class
from theory.estimation.reweight import Target, plain_weights
from theory.estimation.samples import Rollouts

ALPHAS = (1.02, 1.05, 1.1, 1.25, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 16.0, 32.0)
PAPER_WEIGHTS = (1, 100, 10_000)  # values of B = 1/beta in the paper's grid


class Finding(NamedTuple):
    name: str
    value: float
    low: float
    high: float
    sentence: str


def diagnose(rollouts: Rollouts, alphas: list[dict[str, Any]], generator: np.random.Generator) -> list[Finding]:
    """alphas: records of theory.estimation.forecast along b = 0, method psis or exact, in order of alpha."""
    return [
        _covariance(rollouts, generator),
        _length_share(rollouts, generator),
        _diversity_gap(rollouts, generator),
        _efficiency(rollouts, generator),
        _turning_point(alphas),
        *_knob(rollouts),
        _critical_beta(rollouts, generator),
    ]


def _within(rollouts, x, y):
    """Cov(x, y) inside each prompt, with n - 1; nan for a prompt with one sample."""
    n = rollouts.count
    product = (x - rollouts.each(rollouts.mean(x))) * (y - rollouts.each(rollouts.mean(y)))
    return np.where(n > 1, rollouts.sum(product) / np.maximum(n - 1, 1), np.nan)


def _sign(low, high, positive, negative, unknown="the interval holds 0, so the rollouts cannot tell"):
    return positive if low > 0 else negative if high < 0 else unknown


def _covariance(rollouts, generator):
    """∂A/∂alpha at the base model = Cov(r, l).    [T2]"""
    value, low, high = mean_interval(_within(rollouts, rollouts.reward, rollouts.log_p), generator)
    advice = _sign(
        low, high, "a little sharpening raises accuracy", "even a little sharpening costs accuracy: use the task reward"
    )
    sentence = f"Cov(r, log p) = {value:.3f} [{low:.3f}, {high:.3f}] per unit of alpha: {advice}."
    return Finding("covariance", value, low, high, sentence)


def _length_share(rollouts, generator):
    """Cov(r, l) less E[Cov(r, l | L)]: the part of it that comes with length.    [T18]"""
    total = _within(rollouts, rollouts.reward, rollouts.log_p)
    equally_long = length_class(rollouts.length)
    prompt = rollouts.each(np.arange(len(rollouts.start)))
    order = np.lexsort((equally_long, prompt))
    new = np.diff(prompt[order], prepend=-1) != 0
    new |= np.diff(equally_long[order], prepend=-1) != 0
    start = np.flatnonzero(new)
    size = np.diff(start, append=len(order))
    r, l = rollouts.reward[order], rollouts.log_p[order]

    def centred(x):
        return x - np.repeat(np.add.reduceat(x, start) / size, size)

    inside = np.add.reduceat(centred(r) * centred(l), start) / np.maximum(size - 1, 1)
    weight = np.where(size > 1, size, 0)  # a length that occurs once says nothing about content
    owner = prompt[order][start]
    covered = np.bincount(owner, weight, len(total))
    content = np.where(covered > 0, np.bincount(owner, weight * inside, len(total)) / np.maximum(covered, 1), np.nan)
    value, low, high = mean_interval(content, generator)
    length = float(np.nanmean(total)) - value if np.isfinite(value) else np.nan
    advice = _sign(
        low,
        high,
        "sharpening content at equal length would help",
        "likelier content is worse even at equal length: correcting for length will not rescue sharpening",
    )
    return Finding(
        "content_covariance",
        value,
        low,
        high,
        f"Of it {value:.3f} [{low:.3f}, {high:.3f}] is content at equal length and {length:.3f} is length: {advice}.",
    )


def _diversity_gap(rollouts, generator):
    """The slope of logit A along alpha at the base, E[l|C] - E[l|W] = logit A0 - dispersion.    [T3]"""
    right, wrong = rollouts.reward, 1 - rollouts.reward
    with np.errstate(invalid="ignore", divide="ignore"):
        slope = rollouts.sum(right * rollouts.log_p) / rollouts.sum(right)
        slope = slope - rollouts.sum(wrong * rollouts.log_p) / rollouts.sum(wrong)
        odds = np.log(rollouts.sum(right) / rollouts.sum(wrong))
    both = np.isfinite(slope)
    value, low, high = mean_interval(np.where(both, slope, np.nan), generator)
    gap = float(np.mean((odds - slope)[both])) if both.any() else np.nan
    base = float(np.mean(odds[both])) if both.any() else np.nan
    advice = _sign(
        low,
        high,
        "right answers are written in fewer ways than their odds pay for, sharpening helps at first",
        "there are too many ways to be right for their odds, sharpening hurts at first",
    )
    return Finding(
        "diversity_gap",
        value,
        low,
        high,
        f"On prompts with right and wrong samples ({both.sum()} of {len(both)}) base log-odds {base:.2f} stand against "
        f"a diversity gap of {gap:.2f} nats, difference {value:.2f} [{low:.2f}, {high:.2f}]: {advice}.",
    )


def _efficiency(rollouts, generator):
    """Corr(r, l) within prompts: gain of sharpening over gain of tilting at the same small KL.    [T5]

    One alpha and one b for all prompts: gains are mean covariances, budgets mean variances over 2.
    """
    parts = np.stack(
        [
            _within(rollouts, x, y)
            for x, y in (
                (rollouts.reward, rollouts.log_p),
                (rollouts.reward, rollouts.reward),
                (rollouts.log_p, rollouts.log_p),
            )
        ],
        axis=1,
    )
    parts = parts[~np.isnan(parts).any(axis=1)]
    if len(parts) < 2 or not (parts.mean(axis=0)[1:] > 0).all():
        return Finding("efficiency", np.nan, np.nan, np.nan, "Corr(r, log p) is not defined: rewards never differ.")
    drawn = ClusterBootstrap(len(parts), generator).means(parts)
    with np.errstate(invalid="ignore"):
        ratios = drawn[:, 0] / np.sqrt(drawn[:, 1] * drawn[:, 2])
    covariance, *variances = parts.mean(axis=0)
    value = covariance / np.sqrt(np.prod(variances))
    low, high = np.nanquantile(ratios, [0.025, 0.975])
    return Finding(
        "efficiency",
        float(value),
        float(low),
        float(high),
        f"At the same small KL sharpening gains {value:.2f} [{low:.2f}, {high:.2f}] times what the task reward gains.",
    )


def _turning_point(alphas):
    """Where accuracy along alpha stops rising or falling, among the values that can be relied on.    [T4]"""
    known = [record for record in alphas if record["accuracy_reliable"] and record["alpha"] >= 1]
    if len(known) < 3:
        return Finding(
            "turning_point", np.nan, np.nan, np.nan, "Too few reliable values along alpha for a turning point."
        )
    x = np.array([record["alpha"] for record in known])
    accuracy = np.array([record["accuracy"] for record in known])
    best, worst = int(np.argmax(accuracy)), int(np.argmin(accuracy))
    ends = (0, len(x) - 1)
    if best not in ends:
        turn, sentence = best, "rises up to alpha = {:g} ({:.3f}) and falls beyond: stop there at the latest."
    elif worst not in ends:
        turn, sentence = (
            worst,
            "falls up to alpha = {:g} ({:.3f}) and rises beyond: a little sharpening is worse than none.",
        )
    else:
        turn = best
        sentence = "is largest at alpha = {:g} ({:.3f})" + (
            ": do not sharpen." if best == 0 else ", the end of what these rollouts can tell."
        )
    text = f"Accuracy along alpha {sentence.format(x[turn], accuracy[turn])}"
    neighbours = x[max(turn - 1, 0)], x[min(turn + 1, len(x) - 1)]
    return Finding("turning_point", float(x[turn]), float(neighbours[0]), float(neighbours[1]), text)


def _knob(rollouts):
    """(alpha - 1) sd(l)/B, which knob rules, and the relaxation time B in units of an exact step."""
    spread = float(np.sqrt(np.nanmean(_within(rollouts, rollouts.log_p, rollouts.log_p))))
    ratios = ", ".join(f"{spread / weight:.2g} at B = {weight}" for weight in PAPER_WEIGHTS)
    return [
        Finding(
            "knob_ratio",
            spread,
            spread,
            spread,
            f"With reward and sharpening together, (alpha - 1) sd(log p)/B at alpha = 2 is {ratios}: far above 1 is "
            f"sharpening alone, far below the task reward alone; they weigh the same at B = {spread:.2g}.",
        ),
        Finding(
            "relaxation_time",
            spread,
            spread,
            spread,
            "A target with weight B is approached as e^(-t/B): a run must be several B long, in steps that move "
            f"log-odds by 1 for a reward of 1; at the balanced B above that is {spread:.2g} such steps.",
        ),
    ]


def _critical_beta(rollouts, generator):
    """β_c = 1/max_α (α-1) sd_{q_{α,0}}(l), prompt by prompt.    [T12]"""
    curve = []
    for alpha in ALPHAS:
        weight = plain_weights(rollouts, Target(alpha, 0.0))
        mean = rollouts.sum(weight * rollouts.log_p)
        variance = rollouts.sum(weight * (rollouts.log_p - rollouts.each(mean)) ** 2)
        curve.append((alpha - 1) * np.sqrt(np.maximum(variance, 0)))
    curve = np.stack(curve)
    highest = curve.max(axis=0)
    beta = np.full(len(highest), np.inf)
    np.divide(1, highest, out=beta, where=highest > 0)
    value = float(np.median(beta))
    low, high = (float(q) for q in np.quantile(beta, [0.1, 0.9]))
    return Finding(
        "critical_beta",
        value,
        low,
        high,
        "With advantages divided by their standard deviation (GRPO), sharpening has no fixed point below "
        f"beta = {value:.2g} on the median prompt (80 % of prompts: {low:.2g} to {high:.2g}); RLOO always has one.",
    )


def empty_response(log_p_stop: np.ndarray, rollouts: Rollouts) -> Finding:
    """The share of prompts where stopping at once is likelier than every sampled response.    [T17]"""
    best = rollouts.max(rollouts.log_p)
    wins = float(np.mean(log_p_stop > best))
    margin = float(np.median(best - log_p_stop))
    advice = (
        "sharpening ends in silence there"
        if wins > 0
        else "sharpening does not end in the empty response on these prompts"
    )
    return Finding(
        "empty_response",
        wins,
        wins,
        wins,
        f"On {100 * wins:.1f} % of prompts stopping at once is likelier than every sample (the likeliest sample leads "
        f"by {margin:.1f} nats on the median prompt): {advice}.",
    )
