"""The page: self-contained, nothing in it trusted, and alive in a real browser."""

import html.parser
import json
import re
import time

import pytest
from small_page import WORD
from small_study import HOSTILE, write_toy

from figures import report
from figures.page.markup import Share, element, script_data, table
from figures.page.rerun import command


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
    assert len(page.encode()) < 1e6
    links = Links(page).found
    assert len(links) == 8 + 1 and all(link.startswith("data:") for link in links)  # eight figures and no icon
    assert not re.search(r"@import|url\(", page)


def test_the_page_answers_first_and_folds_what_is_not_asked_for(written):
    page = written.read_text()
    first = re.search(r"<h1.*?</h1>", page)[0]
    assert f">{WORD}</strong>" in first and "Train on the task reward." in first and page.count("<h1") == 1
    titles = [re.sub("<.*?>", "", title) for title in re.findall(r"<h2.*?</h2>|<summary>.*?</summary>", page)]
    titles = [title for title in titles if not title.startswith("sum ")]  # prompts
    assert titles == [
        "Why",
        "Can these samples tell?",
        "Prompt by prompt: a little sharpening hurts 0 of 4, helps 3",
        "Did the runs arrive?",
        "Why: all of the diagnosis",
        "What the runs say to the two questions",
        "Was the forecast right? Every number of every arm",
        "All figures",
        "The same on small policies, where theory is exact: sweep",
        "How to run it again",
        "What the words mean",
    ]
    assert "4 (80%) end inside its 95 % interval" in page and "1 of 2 predictions hold." in page
    assert "python -m llm.compare --model small --steps 30 --seeds 2 --no-quick --lr &#x27;1 2&#x27;" in page


def test_the_cards_read_both_lines_at_the_same_distances_whatever_is_best(written):
    """The forecast's lines: 0.5 - 0.1 (alpha - 1) at 0.2 (alpha - 1) nats, and 0.5 + 0.1 b at 0.1 b² nats."""
    cards = re.findall(r'<li class="card.*?</li>', written.read_text())
    said = [re.sub("<.*?>", " ", card).replace("\N{NO-BREAK SPACE}", " ") for card in cards]
    assert [re.findall(r"[+\u2212][\d.]+ points", text)[0] for text in said] == [
        "−10.0 points",
        "−30.0 points",
        "+13.3 points",
    ]
    assert "0.2 nats away, α = 2" in said[0] and "0.6 nats away, α = 4" in said[1] and "β = 0.75" in said[2]


def test_a_run_on_its_way_is_no_missed_forecast(written):
    """tilted-1 was to have 0.7 and has 0.61; it is 0.3 nats from its optimum."""
    page = written.read_text()
    rows = re.findall(r"<tr.*?</tr>", page[page.index("Did the runs arrive?") : page.index("Why: all of")])
    row = next(re.sub("<.*?>", "|", row) for row in rows if "β = 1" in row)
    assert "on its way: 0.30 ± 0.02 nats from its optimum" in row and "✗" not in row and "200 % of its KL" in row
    row = next(re.sub("<.*?>", "|", row) for row in rows if "α = 2" in row)
    assert "✓ arrived, inside the forecast" in row


def test_a_prompt_shows_its_responses_and_what_the_runs_answer(written):
    page = written.read_text()
    prompt = next(own for own in re.findall(r'<details class="prompt".*?</details>', page) if ">sum 1<" in own)
    said = re.sub("<.*?>", "|", prompt).replace("\N{NO-BREAK SPACE}", " ")
    assert "base|" in said and "50\u202f%" in said and "Right in 1 ways, wrong in 1." in said
    assert "2/4" in said and "✓ right" in said and "✗ wrong" in said and "α = 2" in said and "β = 1" in said
    assert "--share:" in prompt and prompt.count("<table") == 2


def test_a_forecast_alone_has_its_verdict_its_picture_and_no_runs(forecast, tmp_path):
    report.main([str(forecast), "--output", str(tmp_path / "page.html")])
    page = (tmp_path / "page.html").read_text()
    assert ">REWARD</strong> Sharpening hurts." in page and "<svg" in page
    assert "Sharpening: from 50 % to 20 % at 0.90 nats, lowest 20 %." in page  # the picture in words
    assert "Did the runs arrive?" not in page and "marks of runs" not in page


def test_pictures_have_a_text_of_their_own_beside_the_caption(written):
    page = written.read_text()
    pairs = re.findall(r'<figure><img alt="(.*?)".*?<figcaption>(.*?)</figcaption>', page)
    assert len(pairs) == 8 and all(alt and alt != caption for alt, caption in pairs)


def test_texts_from_files_are_shown_and_never_run(written):
    page = written.read_text()
    assert HOSTILE not in page and "<script>window" not in page and "<img src=x" not in page
    assert "&lt;script&gt;window.hostile" in page


def test_json_for_a_script_cannot_end_it():
    made = script_data({"text": HOSTILE})
    content = made.removeprefix('<script type="application/json">').removesuffix("</script>")
    assert "<" not in content and json.loads(content) == {"text": HOSTILE}


def test_cells_headings_and_attributes_are_escaped():
    assert "<b>" not in table(["<b>"], [["<b>"]])
    assert element("p", title='"><b>') == '<p title="&quot;&gt;&lt;b&gt;"></p>'


def test_a_share_is_a_bar_behind_its_number():
    assert '--share:72%"' in table(["x"], [[Share(0.72)]]) and ">72 %</td>" in table(["x"], [[Share(0.72)]])


def test_a_column_of_long_cells_is_read_as_text_and_numbers_are_not():
    made = table(["x", "y"], [["a response " * 9, "0.5 ± 0.1"], ["a response", "0.6"]])
    assert ['class="text"' in cell for cell in re.findall(r"<t[dh]\b[^>]*>", made)] == [True, False] * 3


def test_arms_are_in_alpha_and_beta_in_sentences_too(written):
    """tilted-1 and tempered-2 are their folders; task and sharpening are words as well, and stay."""
    body = re.sub("<.*?>", " ", written.read_text().partition("What the runs say")[2].partition("All figures")[0])
    assert "β = 1" in body and "α = 2" in body and not re.search(r"tilted-1|tempered-2", body)


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


KEYS = {"ArrowRight": 39, "ArrowLeft": 37, "End": 35}
WIDTHS = ((1440, 900), (768, 1024), (390, 844))


@pytest.mark.parametrize(("width", "height"), WIDTHS)
def test_the_first_screen_has_the_verdict_and_the_picture_and_nothing_is_cut(written, browser, width, height):
    """No complaint, no request but its own, all figures there, and no part of any table outside the page."""
    began = time.monotonic()
    browser.open(written, width, height)
    assert time.monotonic() - began < 10  # a machine that does other things is slow
    assert browser.ask("document.documentElement.scrollWidth") <= width
    bottom = """Math.max(...['h1', 'svg.frontier.wide', 'svg.frontier.narrow'].map(
        name => document.querySelector(name).getBoundingClientRect().bottom))"""
    assert 200 < browser.ask(bottom) <= height
    shown = "[...document.querySelectorAll('svg.frontier')].map(svg => svg.getBoundingClientRect().height > 150)"
    assert browser.ask(shown) == [width > 620, width <= 620]
    browser.ask("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    browser.ask("[...document.images].forEach(i => { i.loading = 'eager'; })")  # a lazy one may wait for ever
    loaded = "Promise.all([...document.images].map(i => i.decode().then(() => i.naturalWidth > 100)))"
    assert browser.ask(loaded) == [True] * 8
    cut = """[...document.querySelectorAll('td, th, summary, .card, pre')].filter(part => {
        const box = part.getBoundingClientRect();
        return part.closest('thead') === null && box.width > 0 && (box.right > innerWidth + 1 || box.left < -1);
    }).length"""
    names = "[...document.querySelectorAll('.prompt td, .arrived td')].every(cell => cell.dataset.label)"
    browser.ask("new Promise(done => setTimeout(done, 50))")  # what is opened is dressed after that
    assert browser.ask(names) and browser.ask(cut) == 0 and browser.ask("document.documentElement.scrollWidth") <= width
    assert browser.errors == [] and browser.ask("window.hostile === undefined")
    assert {url.partition(":")[0] for url in browser.requests} == {"file", "data"}


def test_one_slider_moves_along_both_lines_a_point_a_key_and_a_click_places_it(written, browser):
    browser.open(written, 1280)
    at = "document.querySelector('.slider input').getAttribute('aria-valuetext')"
    assert browser.ask(at) == "α = 1, no reward: the base model, accuracy 50.0 %"
    browser.ask("document.querySelector('.slider input').focus()")

    def press(key):
        for kind in ("keyDown", "keyUp"):
            browser.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=KEYS[key])
        return browser.ask(at)

    assert press("ArrowRight") == "α = 2, no reward: accuracy 40.0 % [38.0, 42.0], 0.20 nats from the base model"
    assert browser.ask("document.querySelector('.slider output').textContent") == browser.ask(at)
    press("ArrowLeft")
    assert press("ArrowLeft") == "α = 1, β = 1: accuracy 60.0 % [58.0, 62.0], 0.10 nats from the base model"
    box = browser.ask(
        "(() => { const b = document.querySelector('svg.wide .at').getBoundingClientRect();"
        " return [b.x + b.width / 2, b.y + b.height / 2]; })()"
    )
    press("End")
    for kind in ("mousePressed", "mouseReleased"):
        browser.call("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)
    assert browser.ask(at).startswith("α = 1, β = 1: accuracy 60.0 %")


def test_filters_show_the_prompts_of_one_kind_and_print_opens_what_is_folded(written, browser):
    browser.open(written, 1280)
    shown = "[...document.querySelectorAll('.prompt')].filter(part => !part.hidden).length"
    names = browser.ask("[...document.querySelectorAll('.filters button')].map(button => button.textContent)")
    assert names == ["all 4", "helped 3", "no clear change 1"] and browser.ask(shown) == 4
    browser.ask("document.querySelectorAll('.filters button')[1].click()")
    assert browser.ask(shown) == 3
    folded = "document.querySelectorAll('details.fold:not([open])').length"
    assert browser.ask(folded) > 3
    browser.ask("dispatchEvent(new Event('beforeprint'))")
    assert browser.ask(folded) == 0
    browser.ask("dispatchEvent(new Event('afterprint'))")
    assert browser.ask(folded) > 3


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
