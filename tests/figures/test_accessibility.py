"""axe-core finds nothing serious on the page, at three widths, light and dark, with everything opened.

The rules are those of the package axe-core-python, of the extra `test`. AXE_CORE=FILE takes another axe.min.js, such as
that of the newest npm package.
"""

import importlib.util
import os
from pathlib import Path

import pytest

OPENED = "document.querySelectorAll('details').forEach(part => { part.open = true; })"
FOUND = """axe.run(document, {resultTypes: ['violations']}).then(result => result.violations
    .filter(one => ['serious', 'critical'].includes(one.impact))
    .map(one => one.id + ': ' + one.nodes[0].html.slice(0, 200)))"""


@pytest.fixture(scope="module")
def axe():
    named, package = os.environ.get("AXE_CORE"), importlib.util.find_spec("axe_core_python")
    if not named and package is None:
        pytest.skip("no axe-core here: pip install axe-core-python, or AXE_CORE=FILE")
    file = Path(named) if named else Path(package.submodule_search_locations[0]) / "axe.min.js"
    return file.read_text(encoding="utf-8")


def violations(browser, page, axe, width, height, scheme="light"):
    """The rules of serious or critical impact that are broken, each with the first of what breaks it."""
    browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    browser.open(page, width, height)
    browser.ask(axe + ";0")
    browser.ask(OPENED)
    return browser.ask(FOUND)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1440, 900), (768, 1024), (390, 844)])
def test_no_serious_violation(written, browser, axe, width, height, scheme):
    assert violations(browser, written, axe, width, height, scheme) == []


def test_a_picture_without_words_and_pale_text_are_found(written, browser, axe, tmp_path):
    """The test above can fail."""
    spoilt = written.read_text().replace(
        "</article>", "<img src='data:,'><p style='color: #ccc; background: #fff'>pale"
    )
    (tmp_path / "page.html").write_text(spoilt)
    found = {rule.partition(":")[0] for rule in violations(browser, tmp_path / "page.html", axe, 1440, 900)}
    assert found == {"image-alt", "color-contrast"}
