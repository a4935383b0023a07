"""docs/findings.py prints from the published records what docs/findings.md says of them."""

import importlib.util
import re

import pytest

from medloc.records import find_records
from tests.small import CHECKOUT

PAGE = (CHECKOUT / "docs" / "findings.md").read_text(encoding="utf-8")
SCRIPT = "python docs/findings.py"
pytestmark = pytest.mark.skipif(not (CHECKOUT / "results/published/runs").is_dir(), reason="no record is published yet")


def load():
    """The script, which is in no package."""
    spec = importlib.util.spec_from_file_location("findings", CHECKOUT / "docs" / "findings.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


findings = load()


@pytest.fixture(scope="module")
def phantoms():
    return find_records(findings.PUBLISHED).records


def test_every_check_names_files_and_sections_that_are_there():
    checks = re.findall(r"^Check: (.*)$", PAGE, re.MULTILINE)
    assert len(checks) == len(re.findall(r"^## \d", PAGE, re.MULTILINE))
    words = [word for check in checks for word in re.findall(r"`([^`]*)`", check)]
    sections = {word.removeprefix(SCRIPT).strip() for word in words if word.startswith(SCRIPT)}
    files = [name for word in words if word.startswith("cat ") for name in word.split()[1:]]
    assert sections == set(findings.SECTIONS)
    assert [name for name in files if not (CHECKOUT / name).is_file()] == []


def test_a_raise_is_counted_from_the_first_step(phantoms):
    (record,) = [r for r in findings.chosen(phantoms, "medloc piecewise") if findings.where(r) == "tn3k, seed 43"]
    taus = record.series["tau"]
    assert (taus[44], taus[45]) == (0.30, 0.45)  # after steps 45 and 46
    assert findings.raises(record) == ["0.45 at 46"]


def test_rows_are_chosen_whole_or_by_their_beginning(phantoms):
    rows = {findings.row(record) for record in findings.chosen(phantoms, "medloc piecewise", "medloc identical ")}
    assert "medloc piecewise" in rows
    assert "medloc identical" not in rows
    assert "medloc identical strategy=fixed_aggressive" in rows
    assert not any(row.startswith("medloc piecewise ") for row in rows)


def test_a_difference_is_the_table_s(phantoms):
    """From tables/thesis.md: +2.80, [+0.00, +5.60] over ten seeds."""
    lines = findings.differences(phantoms, "medloc piecewise", "vlm_r1")
    assert "heel A@0.5: +2.80 (0.00 to 5.60), N = 10" in lines


def test_what_the_page_says_of_equal_weights(phantoms):
    same = next(text for text in findings.identical_weights(phantoms) if text.startswith("ham10000, seeds [42]:"))
    for row in ("criteria=no_reward", "criteria=no_stability", "criteria=only_margin", "window.refresh=quarter"):
        assert f"  medloc piecewise {row}" in same.split("\n")
    assert "  medloc identical strategy=fixed_aggressive" in same.split("\n")


def test_what_the_page_says_of_v_triune(phantoms):
    assert findings.v_triune(phantoms)[-1] == "without any: 22 of 30 runs"
    assert "in twenty-two of thirty runs" in PAGE


def test_what_the_page_says_of_real_images(capsys):
    assert findings.main(["10"]) == 0
    dead = re.findall(
        r"^fracatlas.jsonl, (medloc|vlm_r1): .* (\d+) of (\d+) steps", capsys.readouterr().out, re.MULTILINE
    )
    assert dead == [("medloc", "1495", "1500"), ("vlm_r1", "1500", "1500")]
    assert "in 2,995 of 3,000 steps" in PAGE  # 1495 + 1500 of 1500 + 1500


@pytest.mark.parametrize("section", ["5", "7", "9", "11"])
def test_a_section_prints_its_runs(phantoms, section):
    lines = findings.SECTIONS[section](phantoms)
    assert len(lines) > 10
    assert all(re.search(r" s a step$|: tau |of \d+ runs; seed \d+ from \d", line) for line in lines)


def test_what_is_not_there_is_refused_with_the_ways_to_ask(capsys):
    assert findings.main(["medloc piecewise", "nothing"]) == 2
    assert "Sections: 3, 5, 7, 8, 9, 10, 11" in capsys.readouterr().err
