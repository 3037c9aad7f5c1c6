import numpy as np
import pytest

from toysims import gradient_noise


@pytest.mark.parametrize("pay", ["sharpening", "task"])
def test_the_signal_is_the_gradient_of_the_mean_return(pay):
    """T15: |∇E[R]|² in the logits of every token, by finite differences over all responses of two tokens."""
    log_p = np.log([0.5, 0.3, 0.2])
    paid = log_p[:, None] + log_p[None, :] if pay == "sharpening" else np.array([[1.0, 0, 0]] * 3)

    def mean(theta):
        first, second = (np.exp(x - np.logaddexp.reduce(x)) for x in theta)
        return first @ paid @ second

    theta, slope, h = np.stack([log_p, log_p]), np.zeros((2, 3)), 1e-6
    for place in np.ndindex(2, 3):
        up, down = theta.copy(), theta.copy()
        up[place], down[place] = up[place] + h, down[place] - h
        slope[place] = (mean(up) - mean(down)) / (2 * h)
    assert gradient_noise.predicted(log_p, 2, pay).signal == pytest.approx((slope**2).sum(), rel=1e-6)


def test_only_a_wrong_prediction_fails_and_it_makes_the_exit_code_one(judge, monkeypatch):
    """T15: the simulation agrees with theory, and notices a variance of sharpening's return that is half too large."""
    moments = gradient_noise.token_gradient_moments

    def wrong(log_p, pay, tokens, paid):
        right = moments(log_p, pay, tokens, paid)
        return right._replace(variance=1.5 * right.variance) if paid == tokens > 1 else right

    monkeypatch.setattr(gradient_noise, "token_gradient_moments", wrong)
    judged = judge("noise", "--vocabulary", "3", "--replicas", "1500")
    variances = {row["claim"] for row in judged.predictions if row["claim"].endswith("variance of the return")}
    long = {claim for claim in variances if claim.startswith("sharpening") and ", 1 tokens" not in claim}
    assert long <= judged.failed
    assert all(claim.startswith("sharpening") and not claim.endswith("signal") for claim in judged.failed)
    assert (judged.folder / "noise.png").exists()
