"""The advice of a finding follows its sign, and a number in a sentence is the finding's own."""

import pytest

from llm.forecasting.words import TURNS, sentence
from theory.estimation.diagnosis import (
    ContentCovariance,
    Covariance,
    DiversityGap,
    EmptyResponse,
    KnobRatio,
    RelaxationTime,
    Turn,
    TurningPoint,
)

# What is said where the interval lies above 0, and where it lies below.
ADVICE = {
    Covariance: ("a little sharpening raises accuracy", "even a little sharpening costs accuracy: use the task reward"),
    ContentCovariance: ("sharpening content at equal length would help", "will not rescue sharpening"),
    DiversityGap: ("sharpening helps at first", "sharpening hurts at first"),
}


@pytest.mark.parametrize("kind", ADVICE)
def test_the_advice_follows_the_sign_of_the_interval(kind):
    """T2, T3, T18: the two sentences exchanged would tell people to do the opposite of what the numbers say."""
    positive, negative = ADVICE[kind]
    counts = {"mixed": 3, "prompts": 4} if kind is DiversityGap else {}
    above, below, unknown = (sentence(kind(x, x - 0.1, x + 0.1, **counts)) for x in (0.25, -0.25, 0.0))
    assert positive in above and negative not in above
    assert negative in below and positive not in below
    assert "cannot tell" in unknown and positive not in unknown and negative not in unknown


@pytest.mark.parametrize(
    ("turn", "said"),
    [
        (Turn.PEAK, "rises up to alpha = 1.5 (0.625) and falls beyond"),
        (Turn.VALLEY, "falls up to alpha = 1.5 (0.625) and rises beyond"),
        (Turn.FALLS, "is largest at alpha = 1.5 (0.625): do not sharpen"),
        (Turn.RISES, "is largest at alpha = 1.5 (0.625), the end of what"),
        (Turn.NOISE, "moves less than its noise"),
        (Turn.FLAT, "is the same from alpha = 1.5 on (0.625)"),
    ],
)
def test_each_shape_of_accuracy_has_its_own_sentence(turn, said):
    """T4: where it peaks one stops, where it falls one does not begin."""
    assert said in sentence(TurningPoint(1.5, 1.25, 2.0, None, turn, 0.625))
    assert TURNS.keys() == set(Turn) - {Turn.UNKNOWN}


def test_what_rules_is_said_for_the_weights_of_the_paper():
    """(alpha - 1) sd/b at alpha = 2 is sd/b: 20 nats weigh as much as a reward of b = 20."""
    knob = sentence(KnobRatio(20.0, 20.0, 20.0))
    assert "20 at b = 1, 0.2 at b = 100, 0.002 at b = 10000" in knob and "they weigh the same at b = 20." in knob
    assert "at the balanced b above that is 20 such steps" in sentence(RelaxationTime(20.0, 20.0, 20.0))


def test_silence_is_foretold_only_where_stopping_wins():
    """T17."""
    assert "On 25.0 % of prompts" in sentence(EmptyResponse(0.25, 0.25, 0.25, None, 3.0))
    assert "sharpening ends in silence there" in sentence(EmptyResponse(0.25, 0.25, 0.25, None, 3.0))
    assert "does not end in the empty response" in sentence(EmptyResponse(0.0, 0.0, 0.0, None, 3.0))
