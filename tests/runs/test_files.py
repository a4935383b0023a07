import json

import pytest

from medloc.runs import SCHEMA, find_records, no_metrics, read_record, write_record


def test_a_record_reads_back_equal(tmp_path, record):
    path = write_record(tmp_path / "runs" / "k", record())
    assert path.name == "record.json"
    assert read_record(path) == record()


def test_the_same_record_is_the_same_bytes(tmp_path, record):
    one, other = (write_record(tmp_path / name, record()) for name in "ab")
    assert one.read_bytes() == other.read_bytes()


def test_long_lists_stay_on_one_line(tmp_path, record):
    text = write_record(tmp_path, record(test_ious=[0.5] * 500)).read_text()
    assert len(text.splitlines()) < 120
    assert '    "tau": [0.3, 0.45],' in text.splitlines()


def test_numbers_that_are_none_are_refused_by_field(tmp_path, record):
    metrics = record().metrics | {"final": record().metrics["final"] | {"a50": float("nan")}}
    with pytest.raises(ValueError, match=r"metrics\.final\.a50=nan must be finite"):
        write_record(tmp_path, record(metrics=metrics))
    with pytest.raises(ValueError, match=r"series\.tau\[1\]=inf"):
        write_record(tmp_path, record(series={"tau": [0.3, float("inf")]}))
    assert list(tmp_path.iterdir()) == []


def test_a_failed_run_says_why(tmp_path, record):
    with pytest.raises(ValueError, match="reason=None must say why"):
        write_record(tmp_path, record(status="failed"))
    with pytest.raises(ValueError, match="status='done' must be one of complete, failed, running"):
        write_record(tmp_path, record(status="done"))
    write_record(tmp_path, record(status="failed", reason="out of memory", metrics=no_metrics()))


def test_missing_words_of_identity_are_named(tmp_path, record):
    with pytest.raises(ValueError, match="identity must hold exactly"):
        write_record(tmp_path, record(identity={"dataset": "heel"}))


def place(results, key, text):
    folder = results / "runs" / key
    folder.mkdir(parents=True)
    (folder / "record.json").write_text(text)


def test_find_reads_the_good_and_names_the_bad(tmp_path, record):
    write_record(tmp_path / "runs" / "bbb", record(key="bbb"))
    write_record(tmp_path / "runs" / "aaa", record(key="aaa", status="running", metrics=no_metrics()))
    write_record(tmp_path / "runs" / "copy", record(key="aaa"))
    write_record(tmp_path / "runs" / "bbb.moved-20260101T000000", record(key="bbb"))
    good = json.loads((tmp_path / "runs" / "bbb" / "record.json").read_text())
    place(tmp_path, "torn", json.dumps(good)[:200])
    place(tmp_path, "alien", "[1, 2]")
    place(tmp_path, "older", json.dumps(good | {"schema": SCHEMA - 1}))
    place(tmp_path, "extra", json.dumps(good | {"colour": "red"}))
    place(tmp_path, "nan", json.dumps(good | {"peak_memory_mb": float("nan")}))
    (tmp_path / "runs" / "empty").mkdir()

    found = find_records(tmp_path)

    assert [item.key for item in found.records] == ["aaa", "bbb"]
    named = [problem.split(":")[0] for problem in found.problems]
    expected = ["alien", "copy", "extra", "nan", "older", "torn"]
    assert named == [f"runs/{name}/record.json" for name in expected]
    assert "schema=0 is not 1" in found.problems[4]
    assert "unknown ['colour']" in found.problems[2]


def test_no_folder_is_no_record(tmp_path):
    assert find_records(tmp_path / "nowhere") == ([], [])
