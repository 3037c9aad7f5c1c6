"""What a forecast is asked."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, UseAppendAction

from llm.readers.columns import parsed_columns

FEWEST_PARTICLES = 8
LARGEST = 1e9  # of a number asked for: times a log-probability it is still far from an overflow


@dataclass(frozen=True)
class ForecastConfig:
    """Forecast accuracy, length, entropy, KL, pass@k and maj@k along alpha, along b and on the plane, from rollouts."""

    rollouts: Positional[Path]
    """Parquet or JSONL table of base rollouts, the folder of llm.sample or llm.train that holds one, or 'demo'"""
    column: Annotated[tuple[str, ...], UseAppendAction] = ()
    """OURS=THEIRS: the name under which the table holds a column, such as log_p=sum_logprob; may be given again"""
    answers: Path | None = None
    """table of prompt_id (or custom_id) and answer or reward, for a file that holds responses alone"""
    alphas: tuple[float, ...] = (0.5, 0.8, 1.0, 1.1, 1.25, 1.5, 2.0, 3.0, 4.0, 8.0)
    """powers on the reference"""
    bs: tuple[float, ...] = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)
    """weights of the task reward, b = 1/beta"""
    points: tuple[str, ...] = ()
    """further points alpha,b or alpha,b,kappa, such as 2,1"""
    model: str | None = None
    """the model that made the rollouts, to ask it how likely it is to stop at once (one forward pass a prompt)"""
    gradient_cosine: bool = False
    """with --model: would its first steps of sharpening gain reward? (needs 35 times the memory of its weights)"""
    smc: int = 0
    """with --model: the --alphas from 1.25 to 2 by so many particles a prompt, and by four times as many"""
    labels: Path | None = None
    """table (CSV, JSONL, Parquet) of prompt_id, sample, label (1 right, 0 wrong): samples judged by hand, to tell how
    often the reward is wrong, and where training on it ends"""
    run: Path | None = None
    """a run folder of llm.train to follow: its coordinate at each step, and what should hold there"""
    accept: Annotated[tuple[str, ...], UseAppendAction] = ()
    """go on although the file looks like this (such as cold); may be given again. The answer may then be wrong"""
    why: bool = False
    """print the reasons as well"""
    table: bool = False
    """print every power as well"""
    prompt: str | None = None
    """prompt_id of a prompt whose responses are printed as well, with what sharpening makes of each"""
    seed: int = 0
    """seed of the bootstrap"""
    output_dir: Path | None = None
    """run folder; by default a new one under runs/"""
    overwrite: bool = False
    """replace the forecast that --output-dir holds"""

    def __post_init__(self):
        parsed_columns(self.column)
        if self.seed < 0:
            raise ValueError(f"--seed must be at least 0, got {self.seed}")
        for name in ("alphas", "bs"):
            wrong = [x for x in getattr(self, name) if not 0 <= x < float("inf")]
            if wrong or not getattr(self, name):
                raise ValueError(f"--{name} must be finite numbers >= 0, got {wrong or 'none'}")
            if max(getattr(self, name)) > LARGEST:
                raise ValueError(
                    f"--{name} {max(getattr(self, name)):g} is too large; the limit is forecast in any case"
                )
        if self.smc != 0 and self.smc < FEWEST_PARTICLES:
            raise ValueError(f"--smc must be at least {FEWEST_PARTICLES} particles, or 0 for none, got {self.smc}")
        if self.model is None and (self.smc or self.gradient_cosine):
            flag = f"--smc {self.smc}" if self.smc else "--gradient-cosine"
            raise ValueError(f"{flag} asks the model itself; give the one that made the rollouts with --model")
        for point in self.points:
            self.parsed(point)

    @staticmethod
    def parsed(point: str) -> tuple[float, float, float]:
        """alpha, b and kappa, which is 0 unless it is given."""
        try:
            numbers = tuple(float(x) for x in point.split(","))
        except ValueError:
            numbers = ()
        if len(numbers) not in (2, 3) or not all(0 <= x <= LARGEST for x in numbers):
            raise ValueError(f"--points {point} must be alpha,b or alpha,b,kappa with finite numbers >= 0, such as 2,1")
        alpha, b, *kappa = numbers
        return alpha, b, kappa[0] if kappa else 0.0
