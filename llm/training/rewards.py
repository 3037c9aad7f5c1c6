"""The five regimes as rewards of TRL's RLOOTrainer, sample by sample: J(pi) = w E[r] + c E[log p] + tau H(pi).

TRL subtracts its own beta (log pi - log p) from what the reward functions return. With the length exponent kappa,

    return(y) = w r(y) + (c - tau) log p(y)/|y|^kappa + tau (log p(y) - log pi(y)),    log pi detached    [T1, T20]

so the log-probability term below hands over the rest. kappa = 0 is J itself; kappa > 0 weakens the sharpening of long
responses: the target's power on p becomes 1 + (c/tau - 1)/|y|^kappa.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from accelerate.utils import gather_object

from llm.problems import BOXED, MathProblem
from llm.prompts.form import BARE, PromptForm
from llm.rewards.reward import Reward
from llm.training.config import TrainConfig
from llm.training.length_returns import balance_return, content_return
from llm.training.stopping import within_prompts
from theory.estimation.length_term import Rows
from theory.objectives import Objective
from theory.vocabulary import LengthControl


def trl_beta(objective: Objective) -> float:
    """The KL weight that TRL is given: tau; 1 where tau = 0, so that there is a reference model to read log p from."""
    return objective.entropy_weight or 1.0


def return_term(config: TrainConfig) -> Callable[..., list[float]]:
    """What a run is rewarded with beside the task, less what TRL adds by itself."""
    if config.length_control in (LengthControl.TRAJECTORY_BALANCE, LengthControl.CONTENT):
        return length_controlled_term(config.objective, config.length_control)
    return log_prob_term(config.objective, config.kappa)


def log_prob_term(objective: Objective, kappa: float = 0.0) -> Callable[..., list[float]]:
    """The part of the return that depends on log-probabilities, less what TRL adds by itself.

    With beta' = trl_beta:  (c - tau) log p/|y|^kappa + (tau - beta') (log p - log pi).
    tau > 0 leaves the first term alone; tau = 0 leaves c log p/|y|^kappa after TRL's own term has cancelled the second.

    Called with a truncated response that is left out of the gradient (counted False) it raises ValueError, but for the
    task regime: such a response has return 0 among siblings of -120, and where that ends is no power of p.    [T34]
    """
    sharpening = objective.reference_weight - objective.entropy_weight
    cancelled = objective.entropy_weight - trl_beta(objective)

    no_target = (objective.reference_weight, objective.entropy_weight) != (0, 0)

    def log_prob_reward(sequence_log_p, sequence_log_pi, sequence_length, counted=(), **_) -> list[float]:
        if no_target:
            check_all_count(counted)
        log_p, log_pi, length = (np.asarray(x, float) for x in (sequence_log_p, sequence_log_pi, sequence_length))
        return list(sharpening * log_p / length**kappa + cancelled * (log_p - log_pi))

    return log_prob_reward


def length_controlled_term(objective: Objective, control: str) -> Callable[..., list[float]]:
    """The return of trajectory balance (1/|y| inside the square) or of content alone, less what TRL adds by itself."""
    alpha = float(objective.target.alpha)
    tau = objective.entropy_weight
    own_return = {LengthControl.TRAJECTORY_BALANCE: balance_return, LengthControl.CONTENT: content_return}[
        LengthControl(control)
    ]

    def log_prob_reward(prompts, sequence_log_p, sequence_log_pi, sequence_length, counted=(), **_) -> list[float]:
        check_all_count(counted)
        log_p, log_pi, length = (np.asarray(x, float) for x in (sequence_log_p, sequence_log_pi, sequence_length))
        return list(tau * (own_return(prompts, log_p, log_pi, length, alpha) - (log_p - log_pi)))

    return log_prob_reward


def check_all_count(counted: Sequence[bool]) -> None:
    """ValueError where truncated responses are left out of the gradient and would still count in the baseline."""
    if not all(counted):
        raise ValueError(
            "--mask_truncated_completions gives truncated responses return 0 among returns that hold log p: that has "
            "no target near a power of p; leave it out, and they count with the log p that they have"
        )


def rewarded_by(reward: Reward, problems: Sequence[MathProblem], form: PromptForm) -> Callable[..., list[float]]:
    """task_reward with this kind of reward, for data whose column "place" says which of problems a row is."""

    def of_rows(place: list[int], **columns: Any) -> list[float]:
        return task_reward(problem=[problems[i] for i in place], reward=reward, form=form, **columns)

    of_rows.__name__ = task_reward.__name__  # TRL logs it under this name
    return of_rows


def task_reward(
    completions: list,
    answer: list[str],
    finished: list[bool],
    log_p: list[float],
    log_pi: list[float],
    length: list[int],
    log_metric: Callable[[str, float], None],
    problem: Sequence[MathProblem] | None = None,
    reward: Reward = BOXED,
    form: PromptForm = BARE,
    prompts: Sequence | None = None,
    **_: Any,
) -> list[float]:
    """What reward gives for complete responses, else 0; also logs what a run is followed by.

    With the prompts, that is also whether sharpening still raises accuracy (llm.training.stopping).

    Its weight is w, which may be 0: accuracy is then measured and not rewarded.
    """
    texts = [c if isinstance(c, str) else c[0]["content"] for c in completions]
    asked = problem or [MathProblem("", "", gold) for gold in answer]
    rewards = reward.scores(texts, asked, finished, form)
    # Of all processes, so that what is no mean of responses (a spread, a covariance within a prompt) is what one logs.
    mine = np.array([rewards, length, finished, log_p, log_pi], float)
    columns = dict(zip(COLUMNS, np.concatenate(gather_object([mine]), axis=1), strict=True))
    everyone = None if prompts is None else gather_object(list(prompts))
    for name, value in diagnostics(everyone, **columns).items():
        log_metric(name, value)
    return rewards


COLUMNS = ("reward", "length", "finished", "log_p", "log_pi")


def diagnostics(
    prompts: Sequence | None, reward: Rows, length: Rows, finished: Rows, log_p: Rows, log_pi: Rows
) -> dict[str, float]:
    """What a step is followed by, from all of its responses; with the prompts also what tells when to stop."""
    means = {
        "accuracy": reward.mean(),
        "length": length.mean(),
        "finished": finished.mean(),
        "log_p": log_p.mean(),
        "log_p_sd": log_p.std(),
        "sequence_entropy": -log_pi.mean(),
        "sequence_kl": log_pi.mean() - log_p.mean(),
    }
    found = means | ({} if prompts is None else within_prompts(prompts, reward, log_p))
    return {name: float(value) for name, value in found.items()}
