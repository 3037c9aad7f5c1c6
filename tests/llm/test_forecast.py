"""llm.forecast from a table to its run folder, and the statistics in between."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.special import log_softmax
from scipy.stats import bootstrap

from llm.forecast import main
from llm.forecasting.following import follow_run, on_the_curve
from llm.forecasting.words import sentence
from llm.rollout_table import from_table
from theory.estimation.cumulants import expand
from theory.estimation.diagnosis import diagnose, empty_response
from theory.estimation.following import targets_along
from theory.estimation.forecast import forecast, samples_needed
from theory.estimation.intervals import ClusterBootstrap
from theory.estimation.reweight import Target, exact
from theory.estimation.votes import majority_accuracy
from theory.objectives import regime
from theory.voting import vote_reward

ANSWERS = np.array([1, 1, 2, 3, 2])
PROMPTS = 40


def responses(number, spread=1.0):
    """(log_p, length) of five responses to a prompt; answer 1 is right, and short responses are likely."""
    generator = np.random.default_rng(number)
    length = np.array([12, 4, 5, 20, 7])
    return log_softmax(spread * generator.normal(size=5) - length / 6), length


def table_of(drawn, spread=1.0):
    """Rollouts with the given response numbers of each prompt."""
    parts = []
    for number, y in enumerate(drawn):
        log_p, length = responses(number, spread)
        parts.append(
            pd.DataFrame(
                {
                    "prompt_id": f"p{number}",
                    "sample": np.arange(len(y)),
                    "prompt": f"{number}+1=",
                    "response": [f"way {i} \\boxed{{{ANSWERS[i]}}}" for i in y],
                    "answer": "1",
                    "reward": (ANSWERS[y] == 1).astype(float),
                    "log_p": log_p[y],
                    "length": length[y],
                    "finished": True,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def sampled(samples=24, spread=1.0, prompts=PROMPTS):
    generator = np.random.default_rng(7)
    return table_of(
        [generator.choice(5, size=samples, p=np.exp(responses(number, spread)[0])) for number in range(prompts)], spread
    )


COMPLETE = from_table(table_of([np.arange(5)] * PROMPTS))


def refuse(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        main([*map(str, arguments)])
    error = capsys.readouterr().err
    assert stop.value.code == 2 and error.startswith("error: ") and error.count("\n") == 1
    return error


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("forecast")
    sampled().to_parquet(folder / "mine.parquet")
    arguments = [folder / "mine.parquet", "--points", "2,1", "--alphas", "1", "1.5", "3", "--bs", "0", "1"]
    main([*map(str, arguments), "--output-dir", str(folder / "out")])
    return folder


def test_the_folder_holds_the_forecast_a_page_of_text_and_two_figures(written):
    result = json.loads((written / "out" / "forecast.json").read_text())
    assert result["rollouts"]["prompts"] == PROMPTS and result["rollouts"]["unfinished"] == 0
    lines = {(record["line"], record["method"]) for record in result["forecasts"]}
    assert {("alpha", "psis"), ("alpha", "cumulant"), ("b", "psis"), ("point", "psis"), ("limit", "psis")} <= lines
    for record in result["forecasts"]:
        assert {"accuracy", "accuracy_low", "accuracy_high", "length", "ess", "pareto_k", "reliable"} <= record.keys()
    names = [finding["name"] for finding in result["diagnosis"]]
    assert names[:5] == ["covariance", "content_covariance", "diversity_gap", "efficiency", "turning_point"]
    report = (written / "out" / "report.txt").read_text()
    assert result["verdict"][0].split(":")[0] in report and len(report.splitlines()) < 80
    for figure in ("curves.png", "plane.png"):
        assert (written / "out" / figure).is_file()


def test_a_finished_forecast_is_not_overwritten(written, capsys):
    assert "already holds a run" in refuse(capsys, written / "mine.parquet", "--output-dir", written / "out")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--points", "2"], "--points 2 must be alpha,b"),
        (["--points", "x,1"], "--points x,1 must be alpha,b"),
        (["--alphas", "-1"], "--alphas must be finite numbers >= 0, got [-1.0]"),
        (["--bs", "inf"], "--bs must be finite numbers >= 0, got [inf]"),
        (["--run", "nowhere"], "--run nowhere is not a run folder"),
        (["--model", "nowhere"], "--model nowhere does not exist"),
    ],
)
def test_bad_arguments_end_in_one_line_and_leave_nothing(written, tmp_path, capsys, arguments, said):
    assert said in refuse(capsys, written / "mine.parquet", *arguments, "--output-dir", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_two_samples_with_log_probabilities_a_hundred_nats_apart_cannot_tell():
    """T23: one response has all the weight; no number is offered as reliable, and no feasible sample size either."""
    table = sampled(samples=2)
    table["log_p"] = -50 + np.random.default_rng(0).uniform(-50, 49, size=len(table))
    table["response"] = [f"{i} {text}" for i, text in enumerate(table["response"])]
    for record in forecast(from_table(table), [Target(2.0, 0.0), Target(4.0, 1.0)], np.random.default_rng(0)):
        assert not record.reliable and record.doubts
        assert record.samples_needed > 1e9


def test_single_samples_cannot_tell():
    for record in forecast(from_table(sampled(samples=1)), [Target(1.1, 0.0)], np.random.default_rng(0)):
        assert not record.reliable and "prompts with a single sample" in record.doubts


def test_prompts_never_solved_are_a_reason_to_doubt_a_large_b():
    """T24: right answers that were never sampled could be what the reward would find."""
    table = sampled()
    hopeless = table["prompt_id"].isin([f"p{i}" for i in range(PROMPTS // 2)])
    table.loc[hopeless, "reward"] = 0.0
    small, large = forecast(from_table(table), [Target(1, 0.01), Target(1, 5.0)], np.random.default_rng(0), ("psis",))
    assert small["accuracy"].reliable and not large["accuracy"].reliable
    assert "right answers that were never sampled could matter" in large.doubts


def test_a_file_of_complete_distributions_is_answered_exactly():
    """T1: where all responses are listed the method is exact, and its value is the sum."""
    record = forecast(COMPLETE, [Target(2.0, 1.0)], np.random.default_rng(0))[0]
    assert record.method == "exact" and record.reliable
    weights = [np.exp(log_softmax(2 * responses(i)[0] + (ANSWERS == 1))) for i in range(PROMPTS)]
    assert record["accuracy"].value == pytest.approx(np.mean([w[ANSWERS == 1].sum() for w in weights]), abs=1e-12)
    length = np.mean([w @ responses(i)[1] for i, w in enumerate(weights)])
    assert record["length"].low < length < record["length"].high


def test_the_interval_is_the_bca_interval_of_scipy_but_for_its_widening():
    """An independent BCa on skewed values; at 400 prompts the widening for few prompts is below a percent."""
    values = np.random.default_rng(1).beta(8, 0.5, size=(400, 1))
    ours = ClusterBootstrap(400, np.random.default_rng(2)).interval(values)[:, 0]
    theirs = bootstrap(
        (values[:, 0],), np.mean, method="BCa", n_resamples=4000, rng=np.random.default_rng(3)
    ).confidence_interval
    width = theirs.high - theirs.low
    assert ours == pytest.approx([theirs.low, theirs.high], abs=0.06 * width)  # noise of 2,000 draws in the tails


def test_prompts_in_groups_have_the_same_interval_as_prompts():
    values = np.random.default_rng(1).exponential(size=(7000, 1))
    low, high = ClusterBootstrap(7000, np.random.default_rng(2)).interval(values)[:, 0]
    error = values.std() / np.sqrt(7000)
    assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.25 * error)
    assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.25 * error)


def test_the_error_of_the_expansion_falls_with_a_power_of_the_distance():
    """T23: halving alpha - 1 divides the error by eight (second order), that of the KL by sixteen (third)."""
    generator = np.random.default_rng(5)
    counts = [np.repeat(np.arange(5), np.round(4000 * np.exp(responses(i)[0])).astype(int)) for i in range(8)]
    many = from_table(table_of([generator.permutation(y) for y in counts]))
    complete = from_table(table_of([np.arange(5)] * 8))
    for name, expected in (("accuracy", 8), ("length", 8), ("kl", 16)):
        error = [
            abs(
                expand(many, Target(1 + x, 0.0)).value[name].mean()
                - exact(complete, Target(1 + x, 0.0)).value[name].mean()
            )
            for x in (0.4, 0.2)
        ]
        assert expected / 1.4 < error[0] / error[1] < 1.4 * expected, (name, error)


def test_a_simulated_vote_wins_as_often_as_the_theory_says():
    """T21, T22: maj@k of the distribution over answers, ties shared."""
    rollouts = from_table(table_of([np.array([0, 1, 2, 2, 3, 4])]))
    weight = np.array([0.1, 0.25, 0.15, 0.1, 0.3, 0.1])
    answers = np.log([0.35, 0.35, 0.3])  # answers 1, 2 and 3
    found = np.mean(
        [majority_accuracy(rollouts, weight, 4, np.array([0]), np.random.default_rng(i))[0] for i in range(200)]
    )
    assert found == pytest.approx(vote_reward(answers, 4)[0], abs=4 * np.sqrt(0.25 / (200 * 256)))


def test_a_response_without_an_answer_does_not_vote():
    table = table_of([np.array([0, 2, 2])])
    table.loc[1:, "response"] = ["no box", "none here"]
    rollouts = from_table(table)
    found = majority_accuracy(rollouts, np.array([0.5, 0.25, 0.25]), 8, np.array([0]), np.random.default_rng(0))
    assert found[0] > 0.97  # right unless all eight abstain: 1 - 2^-8


def test_the_number_of_samples_needed_is_that_of_a_gaussian_tilt():
    """T23: D2 = Var(t), so an effective size of 5 takes 5 e^{Var}."""
    table = sampled(samples=50)
    table["log_p"] = -60 + 2 * np.random.default_rng(0).normal(size=len(table))
    table["response"] = np.arange(len(table)).astype(str)
    rollouts = from_table(table)
    assert samples_needed(rollouts, Target(2.0, 0.0), 0.0) == pytest.approx(5 * np.exp(4), rel=0.4)


def by_name(findings):
    return {finding.name: finding for finding in findings}


def test_the_diagnosis_has_the_numbers_of_the_theory():
    """T2, T5, T12: covariance, equal-budget efficiency and critical beta of samples in exact proportion."""
    from theory.saddle_node import critical_beta
    from theory.tilt import moments

    counts = [np.repeat(np.arange(5), np.round(3000 * np.exp(responses(i)[0])).astype(int)) for i in range(12)]
    rollouts = from_table(table_of(counts))
    found = by_name(diagnose(rollouts, [], np.random.default_rng(0)))
    right = (ANSWERS == 1).astype(float)
    each = [moments(responses(i)[0], right, 1, 0) for i in range(12)]
    covariance, var_l, var_r = (
        np.mean([getattr(m, name) for m in each]) for name in ("cov", "var_log_p", "var_reward")
    )
    assert found["covariance"].value == pytest.approx(covariance, abs=2e-3)
    assert found["efficiency"].value == pytest.approx(covariance / np.sqrt(var_l * var_r), abs=2e-3)
    exact_beta = np.median([critical_beta(responses(i)[0]) for i in range(12)])
    assert found["critical_beta"].value == pytest.approx(exact_beta, rel=0.05)  # the maximum is looked for on a grid


def test_covariance_at_equal_length_is_content_alone():
    """T18: two lengths; within each the likelier response is wrong, but the shorter length is right more often."""
    log_p = np.log([0.4, 0.3, 0.2, 0.1])
    reward, length = np.array([0.0, 1.0, 0.0, 1.0]), np.array([4, 4, 20, 20])
    y = np.repeat(np.arange(4), [40, 30, 20, 10])
    table = pd.DataFrame(
        {
            "prompt_id": np.repeat(["a", "b", "c"], 100),
            "sample": np.tile(np.arange(100), 3),
            "response": np.tile(y.astype(str), 3),
            "answer": "1",
            "reward": np.tile(reward[y], 3),
            "log_p": np.tile(log_p[y], 3),
            "length": np.tile(length[y], 3),
            "finished": True,
        }
    )
    found = by_name(diagnose(from_table(table), [], np.random.default_rng(0)))
    from theory.content import covariance_by_length

    expected = covariance_by_length(log_p, reward, length)
    assert found["content_covariance"].value == pytest.approx(expected.within, rel=0.05)
    assert found["content_covariance"].value < 0 and found["covariance"].value < 0


def test_content_covariance_is_not_too_small_for_few_samples_of_a_length():
    """T18 with n - 1: prompts of six samples, about three of a length, give the covariance of p on average."""
    log_p, reward = np.log([0.4, 0.1, 0.3, 0.2]), np.array([1.0, 0.0, 0.0, 1.0])
    length = np.array([4, 4, 20, 20])
    y = np.random.default_rng(0).choice(4, size=2000 * 6, p=np.exp(log_p))
    table = pd.DataFrame(
        {
            "prompt_id": np.repeat(np.arange(2000), 6),
            "sample": np.tile(np.arange(6), 2000),
            "response": y.astype(str),
            "answer": "1",
            "reward": reward[y],
            "log_p": log_p[y],
            "length": length[y],
            "finished": True,
        }
    )
    found = by_name(diagnose(from_table(table), [], np.random.default_rng(0)))["content_covariance"]
    from theory.content import covariance_by_length

    error = (found.high - found.low) / 3.92
    assert found.value == pytest.approx(covariance_by_length(log_p, reward, length).within, abs=4 * error)
    assert error < 0.1 * found.value


def test_the_empty_response_is_compared_with_the_likeliest_sample():
    """T17."""
    rollouts = from_table(sampled(prompts=4))
    best = rollouts.max(rollouts.log_p)
    found = empty_response(best + np.array([1.0, -1.0, -2.0, -3.0]), rollouts)
    assert found.value == 0.25 and "On 25.0 % of prompts" in sentence(found)


@pytest.mark.parametrize(("name", "parameters"), [("tempered", {"alpha": 4.0}), ("tilted", {"beta": 0.5})])
def test_a_run_on_its_line_is_followed_without_a_gap(tmp_path, name, parameters):
    """T8, T23: the mean of l (or the KL) names the point, and everything else is then predicted."""
    objective = regime(name, **parameters)
    metrics = []
    for step, target in enumerate(targets_along(objective)[:40:2], start=1):
        value = {name: x.mean() for name, x in exact(COMPLETE, target).value.items()}
        row = {"sequence_entropy": value["entropy"], "sequence_kl": value["kl"], **value}
        metrics += [json.dumps({"step": step, **row})] * 1
    (tmp_path / "metrics.jsonl").write_text("\n".join(metrics) + "\n")
    config = {"regime": name, "alpha": parameters.get("alpha"), "beta": parameters.get("beta")}
    (tmp_path / "config.json").write_text(json.dumps(config))
    followed = follow_run(from_table(sampled(samples=400)), tmp_path)
    middle = followed.iloc[3:-3]  # the ends of a moving average are not in the middle of their window
    for quantity, tolerance in (("accuracy", 0.02), ("length", 0.4), ("entropy", 0.06)):
        assert np.abs(middle[quantity] - middle[f"{quantity}_predicted"]).max() < tolerance
    assert on_the_curve(followed)["share_within_5_points"] == 1.0
    assert middle["alpha" if name == "tempered" else "b"].is_monotonic_increasing


def test_a_run_off_its_line_is_reported_with_the_step(tmp_path):
    rows = [{"step": s, "accuracy": 0.5 if s < 20 else 1.0, "log_p": -2, "sequence_kl": 0.1} for s in range(1, 31)]
    rows = [json.dumps(row | {"length": 6, "sequence_entropy": 1}) for row in rows]
    (tmp_path / "metrics.jsonl").write_text("\n".join(rows) + "\n")
    (tmp_path / "config.json").write_text(json.dumps({"regime": "tempered", "alpha": 2.0, "beta": None}))
    told = on_the_curve(follow_run(from_table(sampled()), tmp_path))
    assert told["share_within_5_points"] < 1 and told["largest_gap_step"] >= 18 and told["last_step_outside"] == 30


def test_the_frontier_of_tilting_is_that_of_the_theory():
    """T5: accuracy and KL of q_{1,b}, from responses in exact proportion."""
    from theory.budget import reward_at, tilting_at_budget
    from theory.estimation.reweight import tilting_frontier
    from theory.tilt import moments

    log_p, _ = responses(3)
    y = np.repeat(np.arange(5), np.round(20_000 * np.exp(log_p)).astype(int))
    frontier = tilting_frontier(from_table(table_of([y[:0]] * 3 + [y])))
    right = (ANSWERS == 1).astype(float)
    for budget in (0.01, 0.1, 0.3):
        expected = moments(log_p, right, 1, tilting_at_budget(log_p, right, budget)).mean_reward
        assert reward_at(frontier, budget) == pytest.approx(expected, abs=3e-3)
