"""The documentation site: built whole and strictly, from files alone, with every public name of theory in it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import theory
import theory.estimation

pytest.importorskip("mkdocs", reason="the site needs mkdocs: pip install 'sharpening[docs]'")
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(folder)]
    built = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True
    )
    assert built.returncode == 0, built.stdout + built.stderr
    assert "WARNING" not in built.stderr
    return folder


def test_every_public_name_has_its_entry(site: Path) -> None:
    entries = "".join(page.read_text() for page in (site / "reference").glob("theory*.html"))
    for package in (theory, theory.estimation):
        for name in package.__all__:
            assert re.search(rf'id="theory\.[\w.]*\b{name}"', entries), (
                f"{package.__name__}.{name} is not in the reference"
            )


def test_stars_of_the_maths_emphasise_nothing(site: Path) -> None:
    for page in ("derivations", "theorems"):
        emphasised = re.findall(r"<em>(.*?)</em>", (site / f"{page}.html").read_text(), re.DOTALL)
        assert not [text for text in emphasised if not re.fullmatch(r"[a-z ,]+", text)], page


def test_nothing_is_loaded_from_a_network(site: Path) -> None:
    loaded = re.compile(
        r"""<(?:script|img|iframe)[^>]*src="?(https?:[^"> ]+)|<link[^>]*rel="?stylesheet[^>]*href="?(https?:[^"> ]+)"""
    )
    for page in site.rglob("*.html"):
        assert not loaded.search(page.read_text()), page


def test_equations_are_set_and_their_signs_are_no_markup(site: Path) -> None:
    text = (site / "reference" / "theory.tilt.html").read_text()
    assert "q<sub>α,b</sub> ∝ p<sup>α</sup> e<sup>b r</sup>" in text
    assert "<em>" not in text


def test_names_of_the_code_are_left_as_they_are_and_nested_signs_are_set(site: Path) -> None:
    text = (site / "reference" / "theory.trainers.html").read_text()
    assert ">critical_beta_of_sd</span>" in text
    assert "sd<sub>q<sub>α,0</sub></sub>" in text
    assert ">pass_at_k</span>" in (site / "reference" / "theory.passk.html").read_text()


def test_links_of_the_readme_lead_to_pages(site: Path) -> None:
    index = (site / "index.html").read_text()
    assert 'href="forecast.html"' in index
    assert not re.search(r'href="[^"]*\.md[#"]', index)


def test_the_notebook_is_a_page_with_what_its_cells_say(site: Path) -> None:
    page = (site / "quickstart.html").read_text()
    assert "Train on the task reward." in page and re.search(r'src="?data:image/png;base64,', page)
    assert 'href="quickstart.html"' in (site / "forecast.html").read_text()
