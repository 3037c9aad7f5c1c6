"""The options of a simulation: those that every one has, and the range that an option must lie in.

    @dataclass(frozen=True)
    class LengthConfig(SimulationConfig):
        stop: float = within(0.15, above=0, most=0.5)  # probability of EOS

The comment behind an option is its line in --help.
"""

from dataclasses import dataclass, field, fields
from math import isfinite
from pathlib import Path
from typing import NamedTuple, TypeVar

Default = TypeVar("Default")

# Why an option may not go further, where several simulations say the same.
ONE_RESPONSE = "one response leaves no choice"
ONE_CLASS = "with none or all correct the task reward has nothing to choose"
TOO_FEW = "fewer leave no standard error to judge by"


class Range(NamedTuple):
    """Where an option may lie; None leaves a side open. `why` says what goes wrong beyond it."""

    least: float | None
    most: float | None
    above: float | None
    below: float | None
    why: str

    def allows(self, value: float) -> bool:
        """Finite, and on the right side of every bound."""
        return (
            isfinite(value)
            and (self.least is None or value >= self.least)
            and (self.most is None or value <= self.most)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
        )

    def demand(self, value: float) -> str:
        """What this value should have been."""
        if self.least is not None and self.most is not None:
            return f"be between {self.least} and {self.most}"
        if self.above is not None and self.below is not None:
            return f"lie strictly between {self.above} and {self.below}"
        finite = "" if isfinite(value) else "finite and "
        named = {"at least": self.least, "above": self.above, "at most": self.most, "below": self.below}
        return f"be {finite}" + " and ".join(f"{word} {bound}" for word, bound in named.items() if bound is not None)


def within(
    default: Default,
    least: float | None = None,
    most: float | None = None,
    above: float | None = None,
    below: float | None = None,
    why: str = "",
) -> Default:
    """An option with this default; SimulationConfig refuses a value out of range. A tuple is checked entry by entry."""
    return field(default=default, metadata={"range": Range(least, most, above, below, why)})


@dataclass(frozen=True)
class SimulationConfig:
    """What every simulation is told. ValueError names the option that is out of range, and its value."""

    seed: int = within(0, least=0)  # seed of all that is drawn
    output_dir: Path | None = None  # run folder; by default a new one under runs/
    overwrite: bool = False  # replace the run that --output-dir holds

    def __post_init__(self) -> None:
        for option in fields(self):
            allowed, value = option.metadata.get("range"), getattr(self, option.name)
            if allowed is None:
                continue
            flag = "--" + option.name.replace("_", "-")
            if value == ():
                raise ValueError(f"{flag} needs at least one value")
            for entry in value if isinstance(value, tuple) else (value,):
                if not allowed.allows(entry):
                    reason = f": {allowed.why}" if allowed.why else ""
                    raise ValueError(f"{flag} must {allowed.demand(entry)}, got {entry}{reason}")
