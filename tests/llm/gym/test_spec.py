"""--dataset reasoning-gym:...: read without the library."""

import pytest

from llm.gym import spec


def test_tasks_options_size_and_seed():
    found = spec.read('reasoning-gym:a,b?min=2&b.name=x y&a.signs=["+","-"]&size=7&seed=3&b.min=4')
    assert found == spec.GymSpec({"a": {"min": 2, "signs": ["+", "-"]}, "b": {"min": 4, "name": "x y"}}, 7, 3)
    assert spec.read("reasoning-gym:a") == spec.GymSpec({"a": {}}, 500, 0)


def test_a_value_may_hold_what_separates_options():
    assert spec.read("reasoning-gym:a?signs=&&=&text=b=c&d").tasks == {"a": {"signs": "&&=", "text": "b=c&d"}}


@pytest.mark.parametrize(
    "text, said",
    [
        ("", "'' is no task's name"),
        ("a,,b", "'' is no task's name"),
        ("a b", "'a b' is no task's name"),
        ("a,a", "task a stands there twice"),
        ("a?b", "'b' is no option"),
        ("a?=1", "'=1' is no option"),
        ("a?b=1&b=2", "option b stands there twice"),
        ("a?c.b=1", "c.b is an option of the task c"),
        ("a?size=0", "size must be a whole number of at least 1, got 0"),
        ("a?size=2.5", "size must be a whole number"),
        ("a?size=true", "size must be a whole number"),
        ("a?seed=-1", "seed must be a whole number of at least 0"),
        ("a?seed=x", "seed must be a whole number of at least 0, got 'x'"),
    ],
)
def test_what_cannot_be_read_is_refused(text, said):
    with pytest.raises(ValueError, match=said):
        spec.read(f"reasoning-gym:{text}")


def test_a_file_or_a_hub_id_is_no_task():
    assert [spec.is_gym(name) for name in ("reasoning-gym:x", "x/reasoning-gym", None)] == [True, False, False]
    assert spec.facts("sums.jsonl") == spec.facts(None) == {}
    assert spec.described("sums.jsonl") == "sums.jsonl"


def test_what_is_kept_of_a_run():
    assert spec.facts("reasoning-gym:a?size=2")["dataset"] == {
        "library": "reasoning-gym",
        "version": spec.version(),
        "tasks": {"a": {}},
        "size": 2,
        "seed": 0,
    }
    assert spec.described("reasoning-gym:a?size=2").endswith(f"(reasoning-gym {spec.version()}, 2 rows a task, seed 0)")
