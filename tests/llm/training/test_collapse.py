"""Where a run stands, what it should look like there, and the warning when it looks like nothing on its path."""

from types import SimpleNamespace

import numpy as np

from llm.training.collapse import PATIENCE, CollapseWatch, Diagnosis
from tests.theory.estimation.test_coordinate import in_proportion
from theory.estimation.band import LowerEdges
from theory.estimation.coordinate import predicted


def watched(values, stop):
    said, control = [], SimpleNamespace(should_training_stop=False)
    watch = CollapseWatch(LowerEdges(length=5.0, entropy=1.0), stop, said.append)
    for step, (length, entropy_) in enumerate(values, start=1):
        state = SimpleNamespace(global_step=step, is_world_process_zero=True)
        watch.on_log(None, state, control, {"length": length, "sequence_entropy": entropy_})
        if control.should_training_stop:
            break
    return watch.warning, said, control.should_training_stop


def test_a_collapse_is_warned_of_once_and_after_three_steps_in_a_row():
    dips = [(4.0, 2.0), (4.0, 2.0), (6.0, 2.0)] * 4
    assert watched(dips, stop=True) == (None, [], False), "two steps are noise"
    falling = [(9.0, 2.0), (9.0, 0.9), (9.0, 0.8), (9.0, 0.7), (9.0, 0.6), (1.0, 0.5)]
    warning, said, stopped = watched(falling, stop=False)
    assert warning == {"step": 1 + PATIENCE, "quantity": "entropy", "value": 0.7, "lower_edge": 1.0}
    assert len(said) == 1 and "entropy is 0.70 nats and has been below 1.00" in said[0] and not stopped
    assert watched(falling, stop=True)[2]


def test_a_diagnosis_of_the_base_itself_is_the_base_point_and_no_gap():
    samples = in_proportion()
    base = predicted(samples, 1.0, 0.0)
    means = {
        "log_p": base.log_p.item(),
        "accuracy": base.accuracy.item(),
        "length": base.length.item() + 2,
        "sequence_entropy": base.entropy.item() - 0.5,
        "finished": 0.75,
    }
    expected = {"alpha_t": 1.0, "b_t": 0.0, "length_gap": 2.0, "entropy_gap": -0.5, "truncated": 0.25}
    diagnosis = Diagnosis(samples)(means)
    assert diagnosis.keys() == expected.keys()
    np.testing.assert_allclose(list(diagnosis.values()), list(expected.values()), atol=1e-6)
