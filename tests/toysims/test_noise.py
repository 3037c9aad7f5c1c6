import json

import numpy as np
import pytest

import theory.noise
from toysims import noise


@pytest.mark.parametrize("objective", ["sharpening", "task"])
def test_the_signal_is_the_gradient_of_the_mean_return(objective):
    """T15: |∇E[R]|² in the logits of every token, by finite differences over all responses of two tokens."""
    log_p = np.log([0.5, 0.3, 0.2])
    paid = log_p[:, None] + log_p[None, :] if objective == "sharpening" else np.array([[1.0, 0, 0]] * 3)

    def mean(theta):
        first, second = (np.exp(x - np.logaddexp.reduce(x)) for x in theta)
        return first @ paid @ second

    theta, slope, h = np.stack([log_p, log_p]), np.zeros((2, 3)), 1e-6
    for place in np.ndindex(2, 3):
        up, down = theta.copy(), theta.copy()
        up[place], down[place] = up[place] + h, down[place] - h
        slope[place] = (mean(up) - mean(down)) / (2 * h)
    assert noise.predicted_gradient(log_p, 2, objective)[0] == pytest.approx((slope**2).sum(), rel=1e-6)


def test_only_a_wrong_prediction_fails_and_it_makes_the_exit_code_one(tmp_path, monkeypatch):
    """T15: the simulation agrees with theory, and notices a varentropy that is half too large."""
    varentropy = theory.noise.varentropy
    monkeypatch.setattr(theory.noise, "varentropy", lambda log_p: 1.5 * varentropy(log_p))
    with pytest.raises(SystemExit) as stop:
        noise.main(["--vocabulary", "3", "--replicas", "1500", "--output-dir", str(tmp_path / "run")])
    assert stop.value.code == 1
    predictions = json.loads((tmp_path / "run/summary.json").read_text())["predictions"]
    failed = {row["claim"] for row in predictions if not row["holds"]}
    variances = {row["claim"] for row in predictions if row["claim"].endswith("variance of the return")}
    assert {claim for claim in variances if claim.startswith("sharpening")} <= failed
    assert all(claim.startswith("sharpening") and not claim.endswith("signal") for claim in failed)
    assert (tmp_path / "run/noise.png").stat().st_size > 10_000


def test_bad_input_ends_with_one_line_and_writes_nothing(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        noise.main(["--replicas", "1", "--output-dir", str(tmp_path / "run")])
    assert stop.value.code == 2
    assert "--replicas must be between 100 and 1000000, got 1" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
