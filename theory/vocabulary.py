"""The words that commands, files and figures share: regimes, quantities and length controls, each spelt in one place.

Members are strings: `Quantity.KL == "kl"`, and they are written to JSON as such. Nothing heavy is imported here, so
that a command can name its choices before numpy is loaded.
"""

from enum import StrEnum


class Regime(StrEnum):
    """The paper's regimes of J = w E[r] + c E[log p] + τ H; theory.objectives.regime gives each its weights.

    Named by what training on them does. Task: only right answers are paid. Tilted: the same with a KL penalty, weight
    beta. Sharpening: the model's own likelihood is paid. Tempered: likelihood with entropy, ending at p^alpha.

    >>> Regime("tilted").parameters
    ('beta',)
    """

    TASK = "task"
    TILTED = "tilted"
    SHARPENING = "sharpening"
    TEMPERED = "tempered"
    TILTED_TEMPERED = "tilted-tempered"

    @property
    def parameters(self) -> tuple[str, ...]:
        """The parameters that it needs, of alpha and beta; it takes no other."""
        tempered = self in (Regime.TEMPERED, Regime.TILTED_TEMPERED)
        tilted = self in (Regime.TILTED, Regime.TILTED_TEMPERED)
        return ("alpha",) * tempered + ("beta",) * tilted


class LengthControl(StrEnum):
    """How sharpening is kept from pulling on length (T18, T20)."""

    NONE = "none"
    TRAJECTORY_BALANCE = "trajectory-balance"
    """λ|y| comes off the score of a response"""
    CONTENT = "content"
    """each length keeps its probability"""
    IGNORE_EOS = "ignore-eos"
    """all training responses go on to the length limit"""


class Quantity(StrEnum):
    """What is forecast of a policy and measured of a run, each a mean over prompts."""

    ACCURACY = "accuracy"
    """E[r]"""
    LENGTH = "length"
    """tokens a response"""
    LOG_P = "log_p"
    """mean log-probability of a response under the base model, nats"""
    ENTROPY = "entropy"
    """nats a response"""
    KL = "kl"
    """KL to the base model, nats a response"""
    FINISHED = "finished"
    """share of responses that end by themselves"""


COMPARED = tuple(quantity for quantity in Quantity if quantity is not Quantity.FINISHED)  # of a run and its forecast
