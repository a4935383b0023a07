"""findings.py of docs/reproduction prints from the published records what findings.md says of them."""

import importlib.util
import re
from dataclasses import replace
from functools import cache

import pytest

from medloc.runs import find_records
from tests.small import CHECKOUT

FOLDER = CHECKOUT / "docs" / "reproduction"
PAGE = (FOLDER / "findings.md").read_text(encoding="utf-8")
FLAT = " ".join(PAGE.split())
SCRIPT = "python docs/reproduction/findings.py"
pytestmark = pytest.mark.skipif(not (CHECKOUT / "results/published/runs").is_dir(), reason="no record is published yet")


def load():
    """The script, which is in no package."""
    spec = importlib.util.spec_from_file_location("findings", FOLDER / "findings.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


findings = load()
findings.find_records = cache(find_records)  # the records are read once


@pytest.fixture(scope="module")
def phantoms():
    return findings.find_records(findings.PUBLISHED).records


def test_every_section_opens_with_commands_whose_files_and_sections_are_there():
    sections = re.findall(r"^## \d+\. .*?\n\n```\n(.*?)```", PAGE, re.MULTILINE | re.DOTALL)
    assert len(sections) == len(re.findall(r"^## \d", PAGE, re.MULTILINE)) == 11
    lines = [line for section in sections for line in section.splitlines()]
    asked = {line.removeprefix(SCRIPT).strip() for line in lines if line.startswith(SCRIPT)}
    files = [name for line in lines if line.startswith("cat ") for name in line.split()[1:]]
    assert asked == set(findings.SECTIONS)
    assert files
    assert [name for name in files if not (CHECKOUT / name).is_file()] == []


def test_the_page_opens_with_ten_lines():
    opening = PAGE.partition("\n\n")[2].partition("\n\n")[0].splitlines()
    assert [line.split(".")[0] for line in opening] == [str(number) for number in range(1, 11)]


def test_a_raise_is_counted_from_the_first_step(phantoms):
    (record,) = [r for r in findings.chosen(phantoms, findings.PIECEWISE) if findings.where(r) == "tn3k, seed 43"]
    taus = record.series["tau"]
    assert (taus[44], taus[45]) == (0.30, 0.45)  # after steps 45 and 46
    assert findings.raises(record) == ["0.45 at 46"]


def test_rows_are_chosen_whole_or_by_their_beginning(phantoms):
    found = findings.chosen(phantoms, findings.PIECEWISE, "medloc identical tiny_s strategy=")
    assert {findings.run_name(record) for record in found} == {
        findings.PIECEWISE,
        "medloc identical tiny_s strategy=fixed_aggressive",
    }


def test_a_difference_is_the_table_s(phantoms):
    """From tables/thesis.md: +2.80, [+0.00, +5.60] over ten seeds; a start has one seed and so no interval."""
    lines = findings.differences(phantoms, findings.PIECEWISE, "vlm_r1 tiny_s")
    assert "heel A@0.5: +2.80 (0.00 to 5.60), N = 10" in lines
    starts = findings.differences(phantoms, "zero_shot tiny_m", "zero_shot tiny_s")
    assert starts[0] == "ham10000 A@0.5: -10.00, N = 1"  # 22.0 - 32.0


def test_what_the_page_says_of_equal_weights(phantoms):
    same = next(text for text in findings.identical_weights(phantoms) if text.startswith("ham10000, seeds [42]:"))
    for change in ("criteria=no_reward", "criteria=no_stability", "criteria=only_margin", "window.refresh=quarter"):
        assert f"  {findings.PIECEWISE} {change}" in same.split("\n")
    assert "  medloc identical tiny_s strategy=fixed_aggressive" in same.split("\n")


def test_falls_by_hand(phantoms):
    points = {30: 0.9, 60: 0.5, 150: 0.9, 180: 0.8, 210: 0.85, 240: 0.76, 270: 0.8, 300: 0.6}
    curve = [{"step": step, "a50": a50} for step, a50 in points.items()]
    record = replace(phantoms[0], metrics=phantoms[0].metrics | {"curve": curve})  # 300 steps
    found = [
        (fall.before["a50"], fall.after["a50"], fall.then and fall.then["a50"]) for fall in findings.falls([record])
    ]
    assert found == [(0.9, 0.8, 0.85), (0.8, 0.6, None)]  # that at 60 is too early, that at 240 is of 9 points
    assert (
        findings.fall_lines([record])[-1]
        == "2 falls in 1 runs, 1 at the end; of the other 1, 1 made up for to five points"
    )


def test_what_the_page_says_of_falls(phantoms):
    last = findings.rewards(phantoms)[-1]
    assert last == "37 falls in 270 runs, 7 at the end; of the other 30, 21 made up for to five points"
    assert "37 falls, seven of them at the end; of the other thirty 21 are made up for" in FLAT


def test_what_the_page_says_of_v_triune(phantoms):
    assert findings.v_triune(phantoms)[-1] == "without any: 22 of 30 runs"
    assert "In twenty-two of thirty runs" in FLAT


def test_what_the_page_says_of_real_images(capsys):
    assert findings.main(["10"]) == 0
    dead = re.findall(
        r"^fracatlas.jsonl, (medloc|vlm_r1): .* (\d+) of (\d+) steps", capsys.readouterr().out, re.MULTILINE
    )
    assert dead == [("medloc", "1495", "1500"), ("vlm_r1", "1500", "1500")]
    assert "in 2,995 of 3,000 steps" in FLAT  # 1495 + 1500 of 1500 + 1500


def test_what_the_page_says_of_windows_and_medians(phantoms):
    raised = [line.split("tau ")[1] for line in findings.windows(phantoms) if "window.size=50" in line]
    assert [text[:10] for text in raised] == ["0.45 at 50"] * 3  # when the window is first full
    begins = [
        float(tau)
        for line in findings.medians(phantoms)
        for tau in re.findall(r"^medloc median .* tau (\S+) after", line)
    ]
    assert (min(begins), max(begins)) == (0.02, 0.53)
    assert "between an IoU of 0.02 (TN3K) and 0.53 (HAM10000)" in FLAT


def test_what_is_not_there_is_refused_with_the_ways_to_ask(capsys):
    assert findings.main([findings.PIECEWISE, "nothing"]) == 2
    assert "Sections: 3, 5, 7, 8, 10, 11" in capsys.readouterr().err


def test_help_reads_no_record(capsys, monkeypatch):
    monkeypatch.setattr(findings, "find_records", None)
    assert findings.main(["--help"]) == 0
    assert "Sections: 3, 5, 7, 8, 10, 11" in capsys.readouterr().out
