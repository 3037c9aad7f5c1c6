"""What docs/theorems.md calls machine-checked is what Coq checks, and rests on the axioms of the reals alone."""

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SPEC = importlib.util.spec_from_file_location("check", ROOT / "proofs" / "check.py")
check = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(check)
NEEDS_COQ = pytest.mark.skipif(
    not check.has_coquelicot(), reason="Coq with coquelicot is not installed: `make proofs` installs and runs it"
)


def test_the_index_calls_machine_checked_exactly_what_is_proven():
    index = (ROOT / "docs" / "theorems.md").read_text()
    rows = re.findall(r"^\| (T\d+) \|.*\| machine-checked by (.*) \|$", index, re.MULTILINE)
    named = {(statement, name) for statement, names in rows for name in re.findall(r"`(\w+)`", names)}
    # What is proven of a statement that has no row at all is named as soon as it gets one.
    statements = set(re.findall(r"^\| (T\d+) \|", index, re.MULTILINE))
    proven = {(name.split("_")[0], name) for name in check.theorems()}
    assert named <= proven, f"not proven in proofs/: {sorted(named - proven)}"
    left_out = {name for statement, name in proven - named if statement in statements}
    assert not left_out, f"proven in proofs/, named in no row: {sorted(left_out)}"


def test_no_source_leaves_a_proof_out_or_adds_an_axiom():
    shortcuts = re.compile(
        r"\b(Admitted|admit|Abort|Axioms?|Parameters?|Conjecture|Hypothes[ie]s|Variables?|Context|Unset)\b"
    )
    sources = sorted((ROOT / "proofs").glob("*.v"))
    assert sources
    for file in sources:
        assert not shortcuts.search(file.read_text()), f"{file.name}: {shortcuts.search(file.read_text())}"


@NEEDS_COQ
def test_coq_accepts_every_theorem_on_the_axioms_of_the_reals_alone(tmp_path):
    check.compile_into(tmp_path)
    found = check.axioms(tmp_path)
    reals = found.pop(check.YARDSTICK)
    assert set(found) == set(check.theorems())
    assert "ClassicalDedekindReals.sig_forall_dec" in reals
    assert not {name: under - reals for name, under in found.items() if under - reals}


@NEEDS_COQ
def test_a_proof_left_out_and_an_axiom_of_our_own_are_seen(tmp_path, monkeypatch):
    source = (
        "Theorem T1_left_out : 1 = 2.\nProof. Admitted.\n"
        "Axiom free : 1 = 2.\nTheorem T2_free : 2 = 1.\nProof. symmetry. exact free. Qed.\n"
        "Theorem T3_true : 2 = 2.\nProof. reflexivity. Qed.\n"
    )
    (tmp_path / "Wrong.v").write_text(source)
    monkeypatch.setattr(check, "SOURCES", tmp_path)
    check.compile_into(tmp_path / "build")
    found = check.axioms(tmp_path / "build")
    assert found["T1_left_out"] == {"T1_left_out"}
    assert found["T2_free"] == {"free"}
    assert found["T3_true"] == set()


@NEEDS_COQ
def test_a_false_statement_stops_the_check(tmp_path, monkeypatch):
    (tmp_path / "Wrong.v").write_text("Theorem T1_false : 1 = 2.\nProof. reflexivity. Qed.\n")
    monkeypatch.setattr(check, "SOURCES", tmp_path)
    with pytest.raises(SystemExit, match=r"Wrong\.v"):
        check.compile_into(tmp_path / "build")
