"""The committed records give the committed report again, byte for byte, on a machine that has nothing else."""

import shutil

import pytest

from medloc.report.whole import write_report
from medloc.runs import find_records
from tests.small import CHECKOUT

COMMITTED = CHECKOUT / "results" / "published"
REAL = COMMITTED / "real"


def files(folder, without=()):
    found = (path for path in folder.rglob("*") if path.is_file() and not set(without) & set(path.parents))
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


@pytest.mark.parametrize("folder", [COMMITTED, REAL], ids=["phantoms", "real"])
def test_the_committed_records_give_the_committed_report(tmp_path, folder):
    if not (folder / "runs").is_dir():
        pytest.skip("no record is published yet")
    drawn_again = shutil.ignore_patterns("figure6.*", "figure8.*")  # the others, where their numbers or code differ
    for part in ("runs", "datasets", "images", "figures"):
        if (folder / part).is_dir():
            shutil.copytree(folder / part, tmp_path / part, ignore=drawn_again)
    found = find_records(tmp_path)
    assert found.problems == []
    assert {record.status for record in found.records} == {"complete"}
    write_report(tmp_path, found)
    ours, committed = files(tmp_path), files(folder, without={REAL} - {folder})
    assert sorted(ours) == sorted(committed)
    assert [name for name in ours if ours[name] != committed[name]] == []


def test_nothing_committed_names_a_place_on_a_machine():
    texts = {name: content for name, content in files(COMMITTED).items() if not name.endswith((".png", ".jpg"))}
    for name, content in texts.items() if COMMITTED.is_dir() else ():
        assert str(CHECKOUT).encode() not in content, name
        if name.endswith("record.json"):
            assert b'"/' not in content, name
