"""The page: self-contained, nothing in it trusted, and alive in a real browser."""

import html.parser
import itertools
import json
import re

import numpy as np
import pytest
from browser import CHROMIUM, Browser
from scipy.interpolate import RegularGridInterpolator
from small_study import HOSTILE, write_forecast, write_study, write_toy

from figures import report
from figures.page import explorer
from figures.page.markup import element, script_data, table
from figures.page.rerun import command
from figures.study.forecasts import grid


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    place = tmp_path_factory.mktemp("report")
    runs = [str(write(place)) for write in (write_study, write_forecast, write_toy)]
    report.main([*runs, "--output", str(place / "report.html")])
    return place / "report.html"


@pytest.fixture
def browser(tmp_path_factory):
    if CHROMIUM is None:
        pytest.skip("no chromium here: apt-get install chromium, to try the page in a browser")
    opened = Browser(tmp_path_factory.mktemp("profile"))
    yield opened
    opened.close()


class Links(html.parser.HTMLParser):
    """Every address that a page would fetch."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found += [value for name, value in attrs if name in ("src", "href", "srcset", "data", "action")]


def test_the_page_needs_no_network_and_is_small(written):
    page = written.read_text()
    assert len(page.encode()) < 5e6
    links = Links(page).found
    assert len(links) == 9 + 1 and all(link.startswith("data:") for link in links)  # nine figures and no icon
    assert not re.search(r"@import|url\(", page)


def test_the_page_tells_question_answer_prediction_runs_simulation_and_commands_in_this_order(written):
    page = written.read_text()
    titles = re.findall(r"<h2>(.*?)</h2>", page)
    assert titles == [
        "The question",
        "The answer",
        "The prediction",
        "The runs",
        "The same on small policies, where theory is exact",
        "How to run it again",
    ]
    assert "4 (80%) end inside its 95 % interval" in page and "1 of 2 predictions hold." in page
    assert "python -m llm.compare --model small --steps 30 --seeds 2 --no-quick --lr &#x27;1 2&#x27;" in page


def test_texts_from_files_are_shown_and_never_run(written):
    page = written.read_text()
    assert HOSTILE not in page and "<script>window" not in page and "<img src=x" not in page
    assert page.count("&lt;script&gt;window.hostile") == 2  # the forecast's verdict and the simulation's claim


def test_json_for_a_script_cannot_end_it():
    made = script_data({"text": HOSTILE})
    content = made.removeprefix('<script type="application/json">').removesuffix("</script>")
    assert "<" not in content and json.loads(content) == {"text": HOSTILE}


def test_cells_headings_and_attributes_are_escaped():
    assert "<b>" not in table(["<b>"], [["<b>"]])
    assert element("p", title='"><b>') == '<p title="&quot;&gt;&lt;b&gt;"></p>'


def test_a_place_that_cannot_be_told_is_no_number(forecast):
    data = explorer.told(grid(json.loads((forecast / "forecast.json").read_text())["plane"]))
    assert data["grid"][2][3] == {"accuracy": None, "length": None}
    at = data["grid"][1][2]  # alpha = 2, b = 1
    assert at["accuracy"] == pytest.approx({"value": 0.5, "low": 0.48, "high": 0.52})
    assert at["length"] == pytest.approx({"value": 8.0, "low": 7.2, "high": 8.8})


def test_a_command_is_quoted_for_the_shell():
    config = {
        "rollouts": "a b",
        "alphas": [1.0, 2.0],
        "model": None,
        "overwrite": True,
        "output_dir": "x",
        "quick": True,
    }
    assert command("llm.forecast", config) == "python -m llm.forecast 'a b' --alphas 1.0 2.0 --quick"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [([], "name at least one run folder"), (["."], "is not a finished run"), (["x", "--output", "y"], "end in .html")],
)
def test_wrong_arguments_end_with_one_line(arguments, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        report.main(arguments)
    error = capsys.readouterr().err
    assert stop.value.code == 2 and said in error and error.count("\n") == 1


def test_the_page_lives_in_a_browser(written, forecast, browser):
    """No complaint, no request but its own, all figures there, no sideways scrolling on a phone, and sliders that work.

    The numbers shown between grid points are those of scipy's interpolation of the forecast's plane.
    """
    for width in (390, 1280):
        browser.open(written, width)
        assert browser.ask("document.documentElement.scrollWidth") <= width
        assert browser.ask("[...document.images].map(i => i.complete && i.naturalWidth > 100)") == [True] * 9
    assert browser.errors == []
    assert {url.partition(":")[0] for url in browser.requests} == {"file", "data"}
    assert browser.ask("window.hostile === undefined")

    move = """(place, which) => {
        const slider = document.querySelectorAll('.explorer input')[which];
        slider.value = place;
        slider.dispatchEvent(new Event('input'));
        return [...document.querySelectorAll('.explorer output')].map(o => o.textContent);
    }"""
    shown = browser.ask(f"({move})(0, 1)")
    assert shown == ["1.00", "0.00", "50.0 % [48.0, 52.0]", "10.0 tokens [9.0, 11.0]"]

    plane = json.loads((forecast / "forecast.json").read_text())["plane"]
    alphas, bs = (sorted({record[name] for record in plane}) for name in ("alpha", "b"))
    points = {}
    for name in ("accuracy", "accuracy_low", "accuracy_high"):
        values = [[next(r[name] for r in plane if (r["alpha"], r["b"]) == (a, b)) for b in bs] for a in alphas]
        points[name] = RegularGridInterpolator((alphas, bs), np.array(values))
    for alpha_place, b_place in itertools.product((0.25, 1.75, 3), (0.5, 1)):
        browser.ask(f"({move})({alpha_place}, 0)")
        alpha, b, accuracy, _ = browser.ask(f"({move})({b_place}, 1)")
        numbers = [float(x) for x in re.findall(r"[\d.]+", accuracy)]
        at = np.interp(alpha_place, range(4), alphas), np.interp(b_place, range(3), bs)
        assert float(alpha) == pytest.approx(at[0], abs=0.0051) and b.startswith(f"{at[1]:.2f}")
        expected = [100 * points[name](at).item() for name in points]
        assert numbers == pytest.approx(expected, abs=0.0501)
    assert browser.ask(f"({move})(1.5, 1)")[2] == "cannot tell from these samples"  # half way to alpha = 4, b = 2


def test_a_page_is_replaced_and_another_file_never(written, tmp_path, capsys):
    runs = [str(write_toy(tmp_path))]
    page, theirs = tmp_path / "page.html", tmp_path / "thesis.html"
    page.write_bytes(written.read_bytes())
    report.main([*runs, "--output", str(page)])
    assert page.read_bytes() != written.read_bytes()
    theirs.write_text("<html>years of work</html>")
    (tmp_path / "folder.html").mkdir()
    for place, said in ((theirs, "is no page of this command"), (tmp_path / "folder.html", "is a folder")):
        with pytest.raises(SystemExit) as stop:
            report.main([*runs, "--output", str(place)])
        assert stop.value.code == 2 and said in capsys.readouterr().err
    assert theirs.read_text() == "<html>years of work</html>"
