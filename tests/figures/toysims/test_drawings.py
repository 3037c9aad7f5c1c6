"""Theory is drawn as lines and simulation as marks: each drawing is handed a table in which the two differ."""

import numpy as np
import pandas as pd
import pytest
from artists import bands, curves, error_bars, hollow, levels, marks, points, texts

from figures.style import COLOURS, figure
from figures.toysims import heterogeneity, length, noise, practice, stability, sweep, tokens, trainers, voting


@pytest.fixture
def ax():
    with figure() as (_, ax):
        yield ax


def rows(**columns):
    return pd.DataFrame(columns)


def test_pass_at_k_of_theory_is_a_line_and_the_estimate_a_mark_with_four_errors(ax):
    table = rows(
        policy=["tilted", "tilted", "tempered"],
        x=[1.0, 4.0, 1.0],
        predicted=[0.2, 0.5, 0.3],
        simulated=[0.25, 0.45, 0.35],
        error=[0.01, 0.02, 0.005],
    )
    heterogeneity.draw_curves(ax, table, "pass@k")
    assert curves(ax) == [[(1.0, 0.2), (4.0, 0.5)], [(1.0, 0.3)]]
    assert marks(ax)["tilted"] == [(1.0, 0.25), (4.0, 0.45)] and marks(ax)["tempered"] == [(1.0, 0.35)]
    np.testing.assert_allclose(error_bars(ax, "tilted"), [(0.21, 0.29), (0.37, 0.53)])
    assert ax.get_ylabel() == "pass@k"


def test_accuracy_at_equal_kl_has_theory_as_a_line_and_the_base_model_across(ax):
    table = rows(
        policy=["tilted"] * 2, x=[0.0, 1.0], predicted=[0.5, 0.9], simulated=[0.4, 0.8], base=0.45, correlation=-0.3
    )
    heterogeneity.draw_budget(ax, table)
    assert curves(ax) == [[(0.0, 0.5), (1.0, 0.9)]] and marks(ax) == {"tilted": [(0.0, 0.4), (1.0, 0.8)]}
    assert levels(ax) == [0.45] and ax.get_title(loc="left") == "Corr(r, log p) = -0.30"


def test_the_parts_of_heterogeneity_stand_in_their_own_panels():
    parts = {"pass": 0.1, "majority": 0.2, "budget": 0.3}
    table = pd.concat(
        rows(part=[part], policy=["task"], x=[1.0], predicted=[y], simulated=[y + 0.05], error=0.01, prompt=prompt)
        for part, y in parts.items()
        for prompt in ((0, 1) if part == "budget" else (0,))
    ).assign(base=0.5, correlation=0.1)
    crossing = rows(part=["crossover"], policy=["task"], x=[3.0])
    panels = heterogeneity.heterogeneity_figure(pd.concat([table, crossing], ignore_index=True)).axes
    assert [curves(ax)[0][0][1] for ax in panels] == [0.1, 0.2, 0.3, 0.3]
    assert [float(line.get_xdata()[0]) for line in panels[0].lines if line.get_linestyle() == ":"] == [3.0]


def test_length_at_the_threshold_has_theory_as_lines_and_trained_policies_as_marks(ax):
    table = rows(
        part=["curve", "curve", "markov", "markov"],
        policy="geometric",
        multiple=[1.5, 3.0, 1.5, 3.0],
        predicted=[20.0, 8.0, 21.0, 9.0],
        simulated=[np.nan, np.nan, 17.0, 7.0],
        limit=[np.nan, np.nan, 64.0, 256.0],
    )
    length.draw_threshold(ax, table)
    assert curves(ax)[0] == [(1.5, 20.0), (3.0, 8.0)]
    assert marks(ax) == {"geometric, limit 64": [(1.5, 17.0)], "geometric, limit 256": [(3.0, 7.0)]}
    assert hollow(ax) == [(3.0, 7.0)]
    assert curves(ax)[1:] == [[(0.45, 64.0), (1.0, 64.0)], [(0.45, 256.0), (1.0, 256.0)]]


def test_weighings_of_length_have_theory_as_bars_and_training_as_dots(ax):
    means = rows(predicted=[4.0, 6.0], simulated=[4.5, 5.5]).set_index(pd.Index(["plain", "per token"]))
    length.draw_weighings(ax, means, 5.0)
    assert marks(ax) == {"theory": [(4.0, 1.0), (6.0, 0.0)], "trained": [(4.5, 1.0), (5.5, 0.0)]}
    assert [label.get_text() for label in ax.get_yticklabels()] == ["plain", "per token"]


def test_the_empty_response_has_theory_as_a_line(ax):
    table = rows(policy="geometric", x=[-1.0, 1.0], predicted=[0.0, 1.0], simulated=[0.1, 0.9])
    length.draw_empty(ax, table)
    assert curves(ax) == [[(-1.0, 0.0), (1.0, 1.0)]] and marks(ax) == {"geometric": [(-1.0, 0.1), (1.0, 0.9)]}


def test_a_loop_is_measured_from_its_supremum(ax):
    """What was trained less what theory allows: below 0."""
    length.draw_loop(ax, rows(policy="Markov", x=[8.0, 16.0], predicted=[-0.1, -0.1], simulated=[-0.3, -0.2]))
    np.testing.assert_allclose(marks(ax)["Markov"], [(8.0, -0.2), (16.0, -0.1)])


def test_noise_of_the_return_and_of_the_ratio_have_their_theory_as_lines(ax):
    table = rows(
        policy="task",
        x=[4.0, 8.0],
        **{"variance of the return": [1.0, 2.0], "variance of the return theory": [1.1, 2.1]},
        **{"ratio": [0.4, 0.3], "ratio theory": [0.5, 0.6]},
    )
    noise.draw_lengths(ax, table, "variance of the return")
    assert curves(ax) == [[(4.0, 1.1), (8.0, 2.1)]] and marks(ax) == {"task": [(4.0, 1.0), (8.0, 2.0)]}
    with figure() as (_, other):  # an axis of its own: a ratio has no nats
        noise.draw_lengths(other, table, "ratio")
    assert curves(other) == [[(4.0, 0.5), (8.0, 0.6)]] and marks(other) == {"task": [(4.0, 0.4), (8.0, 0.3)]}


def test_noise_against_group_size_and_on_the_way(ax):
    noise.draw_groups(ax, rows(policy="task", x=[2.0, 4.0], **{"noise": [3.0, 1.0], "noise theory": [3.5, 1.5]}))
    assert curves(ax) == [[(2.0, 3.5), (4.0, 1.5)]] and list(marks(ax).values()) == [[(2.0, 3.0), (4.0, 1.0)]]
    names = {"variance of the return": [5.0, 4.0], "variance of the return theory": [5.5, 4.5]}
    with figure() as (_, other):
        noise.draw_way(other, rows(x=[0.0, 1.0], **names))
    assert curves(other) == [[(0.0, 5.5), (1.0, 4.5)]] and list(marks(other).values()) == [[(0.0, 5.0), (1.0, 4.0)]]


def test_a_pivot_has_theory_as_lines_and_training_as_marks(ax):
    table = rows(policy=["power", "low temperature"], x=[2.0, 2.0], predicted=[0.7, 0.2], simulated=[0.6, 0.3])
    tokens.draw_pivot(ax, table)
    assert curves(ax) == [[(2.0, 0.7)], [(2.0, 0.2)]]
    assert list(marks(ax).values()) == [[(2.0, 0.6)], [(2.0, 0.3)]]
    assert [name[:15] for name in marks(ax)] == ["p$^α$ (sequence", "low temperature"]


def test_the_bias_of_a_look_ahead_has_theory_as_a_line_and_four_errors(ax):
    table = rows(
        policy=["plain", "plain", "jackknife", "jackknife"],
        x=[2.0, 8.0] * 2,
        predicted=[-0.2, -0.05, 0.0, 0.0],
        simulated=[-0.21, -0.06, 0.01, 0.002],
        error=0.001,
    )
    tokens.draw_bias(ax, table)
    assert curves(ax) == [[(2.0, 0.2), (8.0, 0.05)]]
    assert marks(ax) == {"plain": [(2.0, 0.21), (8.0, 0.06)], "jackknife": [(2.0, 0.01), (8.0, 0.002)]}
    np.testing.assert_allclose(error_bars(ax, "plain"), [(0.206, 0.214), (0.056, 0.064)])


def test_the_saddle_node_has_branches_of_theory_and_marks_where_training_ended(ax):
    table = rows(
        part=["theory", "theory", "trained", "trained"],
        x=[1.0, 2.0, 1.5, 0.9],
        stable=[2.0, 1.2, 1.5, np.nan],
        unstable=[2.0, 6.0, 4.0, np.nan],
        collapsed=[np.nan, np.nan, 0.0, 1.0],
    )
    trainers.draw_saddle_node(ax, table)
    assert curves(ax) == [[(1.0, 2.0), (2.0, 1.2)], [(1.0, 2.0), (2.0, 6.0)]]
    assert marks(ax) == {
        "trained from p: end": [(1.5, 1.5)],
        "trained: edge of basin": [(1.5, 4.0)],
        "trained from p: mode only": [(0.9, 7.5)],
    }
    assert hollow(ax) == [(1.5, 4.0)]


def test_finite_groups_stand_beside_the_limit_of_theory(ax):
    trainers.draw_group_bias(ax, rows(x=[0.25, 0.125], mean_log_p=[-3.0, -2.5], theory=-2.2, error=0.05))
    assert marks(ax) == {"group of G": [(0.25, -3.0), (0.125, -2.5)], "theory, G → ∞": [(0.0, -2.2)]}
    np.testing.assert_allclose(error_bars(ax, "group of G"), [(-3.2, -2.8), (-2.7, -2.3)])


def test_a_two_cycle_is_drawn_in_units_of_its_step_and_its_last_steps_alone(ax):
    trainers.draw_two_cycle(ax, rows(x=[1.0, 2.0, 3.0], amplitude=[0.9, 0.2, 0.3], step_size=[0.1, 0.1, 0.1]), last=2)
    np.testing.assert_allclose(next(iter(marks(ax).values())), [(2.0, 2.0), (3.0, 3.0)])


@pytest.mark.parametrize("exponent", [0.5, -0.5])
def test_a_square_root_is_a_line_through_the_first_mark(ax, exponent):
    trainers.draw_square_root(ax, rows(x=[0.01, 0.04], gap=[0.3, 0.7]), "gap", "gap of branches", exponent)
    np.testing.assert_allclose(curves(ax), [[(0.01, 0.3), (0.04, 0.3 * 4**exponent)]])
    assert list(marks(ax).values()) == [[(0.01, 0.3), (0.04, 0.7)]] and ax.get_ylabel() == "gap of branches"


def test_votes_have_theory_as_lines_and_every_fifth_round_as_marks(ax):
    rounds = np.arange(7.0)
    table = rows(votes=3, start=1.0, x=rounds, predicted=rounds, simulated=rounds + 0.5)
    voting.draw_paths(ax, table)
    assert curves(ax) == [[(x, x) for x in rounds]] and marks(ax) == {"3 votes": [(0.0, 0.5), (5.0, 5.5)]}


def test_luck_and_answers_have_theory_as_lines(ax):
    voting.draw_luck(ax, rows(votes=1, x=[0.0, 1.0], predicted=[0.5, 0.7], simulated=[0.52, 0.69]))
    assert curves(ax) == [[(0.0, 0.5), (1.0, 0.7)]] and list(marks(ax).values()) == [[(0.0, 0.52), (1.0, 0.69)]]
    rounds = np.arange(6.0)
    with figure() as (_, other):
        voting.draw_answers(other, rows(policy="vote", x=rounds, predicted=rounds, simulated=rounds - 0.5))
    assert curves(other) == [[(x, x) for x in rounds]] and marks(other) == {"vote": [(0.0, -0.5), (5.0, 4.5)]}


def test_multipliers_and_exponents_have_theory_as_lines(ax):
    stability.draw_multipliers(ax, np.array([0.5, 1.5]), np.array([0.5, -0.5]), np.array([0.4, -0.6]))
    assert curves(ax) == [[(0.5, 0.5), (1.5, -0.5)]] and marks(ax) == {"mirror ascent": [(0.5, 0.4), (1.5, -0.6)]}
    with figure() as (_, other):
        series = {f"α = {a}": ([1.0, float(a)], [1.1, a + 0.2]) for a in (2, 3, 4)}
        stability.draw_exponents(other, "rounds", series)
    assert curves(other) == [[(0.0, 1.0), (1.0, float(a))] for a in (2, 3, 4)]
    assert list(marks(other).values()) == [[(0.0, 1.1), (1.0, a + 0.2)] for a in (2, 3, 4)]
    assert [text.get_text() for text in other.get_legend().get_texts()] == list(series)


@pytest.mark.parametrize("attracts", [True, False])
def test_a_path_of_a_portrait_has_the_colour_of_who_gains_and_a_repeller_is_a_ring(ax, attracts):
    paths = np.array([[[0.6, 0.3, 0.1], [0.8, 0.1, 0.1]], [[0.2, 0.2, 0.6], [0.1, 0.1, 0.8]]])
    stability.draw_portrait(ax, "τ > 0", paths, np.array([0, 2]), np.array([1.0, 0.0, 0.0]), attracts)
    ways = [line for line in ax.lines if line.get_color() in stability.BASINS and len(line.get_xdata()) == 2]
    assert [line.get_color() for line in ways] == [stability.BASINS[0], stability.BASINS[2]]
    np.testing.assert_allclose(points(ways[0])[1], 0.1 * np.array([1.0, 0.0]) + 0.1 * np.array([0.5, 3**0.5 / 2]))
    assert hollow(ax) == ([] if attracts else [(0.0, 0.0)]) and ax.get_title(loc="left") == "τ > 0"


def test_the_maps_of_a_sweep_show_their_own_numbers_with_beta_upwards():
    accuracy, share = np.array([[0.1, 0.9], [0.3, 0.4]]), np.array([[0.0, 1.0], [0.25, 0.5]])
    panels = sweep.sweep_figure([1.0, 3.0], [0.5, 2.0], accuracy, share).axes
    for ax, cells in zip(panels, (accuracy, share), strict=True):
        np.testing.assert_array_equal(ax.images[0].get_array(), cells.T)
        places = {tuple(text.get_position()): text.get_text() for text in ax.texts}
        assert places == {(a, b): f"{cells[a, b]:.2f}" for a in (0, 1) for b in (0, 1)}
        assert [tick.get_text() for tick in ax.get_yticklabels()] == ["0.5", "2"]
    assert [ax.get_title(loc="left") for ax in panels] == ["mean accuracy", "share of policies above their base"]


def test_the_colours_are_those_of_the_regimes(ax):
    heterogeneity.draw_budget(
        ax, rows(policy=["tempered"], x=[0.0], predicted=[0.5], simulated=[0.4], base=0.45, correlation=0.1)
    )
    assert {line.get_color() for line in ax.lines[:2]} == {COLOURS["tempered"]} and not bands(ax) and not texts(ax)


def test_finite_groups_have_theory_as_lines_and_training_as_marks_with_four_errors(ax):
    table = rows(multiple=[0.5, 0.5], x=[4, 8], theory=[-1.0, -0.9], mean_log_p=[-1.1, -0.8], error=0.01, mode=-0.5)
    practice.draw_groups(ax, table)
    assert curves(ax)[0] == [(4.0, -1.0), (8.0, -0.9)] and marks(ax) == {"0.5 β$_c$": [(4.0, -1.1), (8.0, -0.8)]}
    np.testing.assert_allclose(error_bars(ax, "0.5 β$_c$"), [(-1.14, -1.06), (-0.84, -0.76)])
    assert [line.get_ydata()[0] for line in ax.lines if line.get_linestyle() == ":"] == [-0.5]


def test_verifiers_and_samplers_have_theory_as_lines_and_training_as_marks(ax):
    practice.draw_verifiers(ax, rows(policy=["good", "good"], x=[1.0, 2.0], theory=[0.4, 0.5], accuracy=[0.3, 0.6]))
    assert curves(ax) == [[(1.0, 0.4), (2.0, 0.5)]] and marks(ax) == {"good": [(1.0, 0.3), (2.0, 0.6)]}
    with figure() as (_, other):
        table = rows(x=[0.0, np.inf], theory=[0.4, 0.5], mean_reward=[0.3, 0.6], error=0.01, unbiased=0.55)
        practice.draw_sampler(other, table)
    assert curves(other)[0] == [(0.0, 0.4), (1.0, 0.5)] and marks(other) == {"trained": [(0.0, 0.3), (1.0, 0.6)]}
    assert [label.get_text() for label in other.get_xticklabels()] == ["none", "∞"]


def test_a_way_is_drawn_for_each_gradient_beside_the_lower_of_its_ends(ax):
    table = rows(
        policy=["natural gradient", "natural gradient", "plain gradient"],
        x=[0.0, 1.0, 2.0],
        log_pi=[-1.0, -2, -3],
        theory=-1.5,
    )
    practice.draw_way(ax, table)
    assert curves(ax)[:2] == [[(1.0, -2.0)], [(2.0, -3.0)]]
    assert [line.get_ydata()[0] for line in ax.lines if line.get_linestyle() == ":"] == [-1.5]


def test_titles_say_what_the_table_holds():
    """Each with numbers that contradict what the simulation mostly finds: no title knows its finding beforehand."""
    path = rows(part="path", votes=3, start=[1.0, 1.0, -1.0, -1.0], x=[0.0, 5.0] * 2, simulated=[1.0, 2.0, -1.0, 0.5])
    luck = rows(part="luck", votes=1, start=0.0, x=[0.5, 1.0], simulated=[0.37, 0.9])
    assert voting.finding(pd.concat([path, luck])) == (
        "A vote pays the answer that leads: 1 of 2 leads grew. "
        "With 1 vote a round a lead of 0.5 in log-odds wins 37% of runs"
    )
    pivot = rows(
        part="pivot", policy=["power", "low temperature"] * 2, x=[1.0, 1.0, 4.0, 4.0], simulated=[0, 0, 0.8, 0.1]
    )
    assert tokens.finding(pivot).endswith(
        "not p^α: at a pivotal choice, α = 4, it takes the narrow way 10% of the time, p^α 80%"
    )
    assert "is here p^α" in tokens.finding(pivot.assign(simulated=0.5))
    passed = rows(part="pass", policy=["base", "task"] * 2, x=[1, 1, 64, 64], simulated=[0.5, 0.4, 0.7, 0.95])
    assert heterogeneity.finding(passed) == "pass@1 and pass@64, points to the base model: task -10.0 and +25.0"
    trained = rows(part="trained", x=[0.5, 0.9, 1.5], collapsed=[True, False, True])
    assert trainers.finding(trained).endswith("collapsed at 1 of 2 KL weights below β_c, 1 of 1 above")
    lengths = rows(
        part="markov", multiple=[0.5, 0.8, 2.0], limit=64.0, simulated=[63.0, 20.0, 11.0], predicted=[1.0, 1.0, 10.0]
    )
    assert "1 of 2 trained policies fill 90 % of it. Above it theory tells length to 10.0%" in length.finding(lengths)
    noisy = rows(
        part="length", policy="sharpening", x=[4.0, 64.0], ratio=[0.5, 1.0], **{"variance of the return": [2.0, 1.0]}
    )
    assert noise.finding(noisy) == (
        "From 4 to 64 tokens the variance of sharpening's return is multiplied by 0.5, its signal-to-noise ratio by 2"
    )
    group = rows(part="group", mean_log_p=[-1.0, -0.5], error=0.01, mode=-0.5)
    verifier = rows(part="verifier", policy=["good", "good", "odd"], x=[1.0, 9.0, 9.0], accuracy=[0.9, 0.8, 0.25])
    assert practice.finding(pd.concat([group, verifier])) == (
        "GRPO in finite groups ends short of the mode in 1 of 2 runs. "
        "Verifiers that err lead to 25% (odd) to 80% (good)"
    )
    share = np.array([[1.0, 0.9], [0.25, 0.75]])
    assert sweep.finding([1.0, 3.0], [0.5, 2.0], share).startswith("At α = 3 75% of the policies end above their base")
    steps = {"gains": [0.5, 3.0], "predicted": [0.5, -2.0], "measured": [0.5, -1.9]}
    assert stability.finding({"step size": steps}).endswith("to 1e-01: 1 of 2 step sizes make it grow")
