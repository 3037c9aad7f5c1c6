"""What an estimate and a forecast are, and how a forecast is written to JSON.

A number never travels without its interval and its doubts: who reads it later cannot know what was behind it. Doubts
are sentences and not flags, since there are several reasons and the reader has to know which; none means that the
interval may be believed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from theory.estimation.reweight import Target
from theory.vocabulary import Quantity


class Method(StrEnum):
    """How a forecast was made."""

    EXACT = "exact"
    """a finite sum over all responses"""
    PSIS = "psis"
    """Pareto-smoothed importance sampling"""
    COUNTS = "counts"
    """the likeliest distribution of prompt accuracies, for a task reward of 0 and 1 alone"""
    CUMULANT = "cumulant"
    """a Taylor expansion around the base model"""
    POWER_SMC = "power-smc"
    """weighted particles of p^alpha, from the model itself"""


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval over prompts, and the reasons to doubt it, if any.

    high is inf for a lower bound: a KL that hangs on few samples is at least about that, and may be any size.

    >>> Estimate(0.12, 0.08, 0.17).reliable, Estimate(0.3, 0.1, 0.6, ("fewer than 10 prompts",)).reliable
    (True, False)
    """

    value: float
    low: float
    high: float
    doubts: tuple[str, ...] = ()

    @property
    def reliable(self) -> bool:
        """No rule of `theory.estimation.forecast` found a reason for doubt."""
        return not self.doubts

    @property
    def at_least(self) -> bool:
        """A lower bound: nothing was found that limits it from above."""
        return self.high == float("inf")


@dataclass(frozen=True)
class Forecast:
    """What a target would make of the base model, by one method.

    quantities: a theory.vocabulary.Quantity, "gain" (of accuracy over the base model), "pass@k" or "maj@k" -> estimate.
    """

    target: Target
    method: Method
    ess: float
    """effective samples a prompt, mean over prompts"""
    pareto_k: float
    """shape of the tail of the weights; nan where there is none to fit"""
    quantities: Mapping[str, Estimate]
    samples_needed: float | None
    """samples a prompt that might do, to an order of magnitude; None where these do"""

    def __getitem__(self, quantity: str) -> Estimate:
        return self.quantities[quantity]

    def __contains__(self, quantity: str) -> bool:
        return quantity in self.quantities

    @property
    def doubts(self) -> tuple[str, ...]:
        """Those of accuracy and length, each once."""
        return tuple(dict.fromkeys(self[Quantity.ACCURACY].doubts + self[Quantity.LENGTH].doubts))

    @property
    def reliable(self) -> bool:
        """Accuracy and length are; others have doubts of their own, such as a KL that hangs on few samples."""
        return not self.doubts

    def to_json(self) -> dict[str, Any]:
        """One flat object, as forecast.json holds it: NAME, NAME_low, NAME_high and NAME_reliable of each quantity.

        Flat, so that a table of records has a column for each; quantities that a method does not tell are left out.
        """
        votes = {name: e for name, e in self.quantities.items() if name.startswith("maj@")}
        others = {name: e for name, e in self.quantities.items() if name not in votes}
        return {
            "method": str(self.method),
            "alpha": self.target.alpha,
            "b": self.target.b,
            "kappa": self.target.kappa,
            "length_control": str(self.target.length_control),
            "ess": self.ess,
            "pareto_k": self.pareto_k,
            **_flat(others),
            "reliable": self.reliable,
            "doubts": list(self.doubts),
            "samples_needed": self.samples_needed,
            **_flat(votes),
        }


def _flat(quantities: Mapping[str, Estimate]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, estimate in quantities.items():
        flat |= {str(name): estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
        flat[f"{name}_reliable"] = estimate.reliable
    return flat
