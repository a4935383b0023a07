"""The command that makes what is missing, on a few phantoms and the tiny model."""

import json

import pytest

from medloc.data import load_dataset
from medloc.experiments import plan as planning
from medloc.experiments.catalog import experiment
from medloc.experiments.reduced import SMOKE, read_grid
from medloc.reproduce import main
from medloc.runs import find_records
from medloc.spec.compose import compose_job


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


def reproduce(capsys, *arguments):
    """The exit status, and what was printed."""
    status = main([str(argument) for argument in arguments])
    printed = capsys.readouterr()
    return status, printed.out + printed.err


def test_two_rows_are_made_found_again_and_made_anew_from_another_base(tmp_path, cache, capsys):
    given = ("figure4", "--smoke", "--datasets", "heel", f"results={tmp_path}", f"cache={cache}", "threads=1")
    status, said = reproduce(capsys, *given, "--dry-run")
    assert status == 0
    assert said.startswith("SMOKE: ")
    assert "2 distinct runs" in said
    assert "0 complete, 2 to do" in said
    assert not list(tmp_path.iterdir())  # a dry run leaves nothing

    status, said = reproduce(capsys, *given)
    assert status == 0, said
    assert "[2/2] figure4 VLM-R1-3B, heel, seed 42: A@0.5 " in said
    assert "2 of 2 runs made; 0 failed." in said
    assert (read_grid(tmp_path).smoke, read_grid(tmp_path).overrides) == (True, SMOKE.overrides)
    records = find_records(tmp_path).records
    assert [(record.status, record.identity["steps"]) for record in records] == [("complete", 4)] * 2
    planned = {str(run.identity): run for run in experiment("figure4", grid=read_grid(tmp_path)).runs()}
    for record in records:
        words = {word: record.identity[word] for word in next(iter(planned.values())).identity}
        assert str(words) in planned

    written = {record.key: (tmp_path / "runs" / record.key / "record.json").stat().st_mtime_ns for record in records}
    status, said = reproduce(capsys, *given)
    assert (status, "2 complete, 0 to do" in said) == (0, True)
    assert written == {key: (tmp_path / "runs" / key / "record.json").stat().st_mtime_ns for key in written}

    folder = tmp_path / "runs" / records[0].key
    content = json.loads((folder / "record.json").read_text())
    content["fingerprints"]["model"] = "another base"
    (folder / "record.json").write_text(json.dumps(content))
    assert "1 complete, 1 to do" in reproduce(capsys, *given, "--dry-run")[1]


@pytest.mark.slow
def test_a_failing_run_is_named_and_the_others_go_on(tmp_path, cache, capsys):
    given = ("figure4", "--smoke", f"results={tmp_path}", f"cache={cache}", "threads=1")
    job = compose_job([*SMOKE.overrides, "dataset=heel", f"cache={cache}"])
    image = load_dataset(job.settings.dataset, cache).test[3].image
    whole = image.read_bytes()
    image.write_bytes(whole[: len(whole) // 2] + b"\0" * (len(whole) - len(whole) // 2))  # same size, torn body
    try:
        status, said = reproduce(capsys, *given)
    finally:
        image.write_bytes(whole)
    assert status == 1
    assert "2 of 4 runs made; 2 failed." in said
    assert said.count("failed, will be tried again") == 2
    for row in ("MedLoc-R1-3B piecewise", "VLM-R1-3B"):
        assert f"  failed: figure4 {row}, heel, seed 42: ValueError: " in said
        assert f"figure4 {row}, tn3k, seed 42: A@0.5 " in said
    assert said.count(image.name) >= 4
    assert "(2 failed)" not in said

    status, said = reproduce(capsys, *given, "--dry-run")
    assert "2 complete, 2 to do" in said
    assert "failed before: figure4 VLM-R1-3B, heel, seed 42: ValueError: " in said
    status, said = reproduce(capsys, *given)  # the image is mended
    assert (status, "2 of 2 runs made; 0 failed." in said) == (0, True)


@pytest.mark.slow
def test_two_processes_give_the_same_numbers_as_one(tmp_path, cache, capsys):
    given = ("figure4", "--smoke", "--datasets", "heel", f"cache={cache}")
    assert reproduce(capsys, *given, f"results={tmp_path / 'one'}", "threads=1")[0] == 0
    two = (f"results={tmp_path / 'two'}", "--launch", "joblib", "--jobs", "2")  # one thread each without being told
    assert reproduce(capsys, *given, *two)[0] == 0
    records = [find_records(tmp_path / name).records for name in ("one", "two")]
    assert [record.key for record in records[0]] == [record.key for record in records[1]]
    assert [record.metrics for record in records[0]] == [record.metrics for record in records[1]]


def test_what_cannot_run_here_is_skipped_with_its_reason(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(planning, "BASES", tmp_path)
    status, said = reproduce(capsys, "figure8", f"results={tmp_path}")
    assert status == 0
    assert "not runnable here, 3 runs: tiny_s: its base is not there; make it with `python -m medloc.pretrain" in said
    assert "0 to do, 3 not runnable here" in said


def test_real_images_and_another_family(tmp_path, capsys):
    given = ("table1", "--root", f"ham10000={tmp_path}", "--family", "Qwen2.5-VL", f"results={tmp_path}", "--dry-run")
    status, said = reproduce(capsys, *given)
    assert status == 0
    assert "33 distinct runs" in said  # of the one set with a root: 3 zero-shot + 10 trained rows x 3 seeds


MISTAKES = [
    (("tabel1",), "tabel1 is no experiment; known: table1, "),
    (("results=x",), "which table or figure? all, or any of table1, "),
    (("table2", "dataset.phantom.test=8"), "is for whole runs, and these are reduced (dataset.phantom.test=8)"),
    (("table2", "--datasets", "heel"), "these --seeds, --datasets and --root leave no run of what is named."),
    (("table2", "--jobs", "2"), "--jobs 2 is for --launch joblib."),
    (("table2", "--cluster", "a=b"), "--cluster is for --launch submitit."),
]


@pytest.mark.parametrize(("arguments", "says"), MISTAKES, ids=[" ".join(words) for words, _ in MISTAKES])
def test_a_mistake_is_one_line(arguments, says, capsys):
    status, said = reproduce(capsys, *arguments)
    assert status == 2
    assert says in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    "arguments", [["table2", "--datasets", "isic"], ["table2", "--root", "heel"], ["--frobnicate"]]
)
def test_an_argument_that_is_none_ends_with_status_2(arguments):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2


def test_a_preset_that_is_not_there_is_an_obstacle(tmp_path, capsys):
    status, said = reproduce(capsys, "figure8", "train=huge", f"results={tmp_path}")
    assert status == 0
    assert "not runnable here, 3 runs: train=huge: conf/train/huge.yaml is not there" in said


def test_a_setting_that_no_run_has_fails_every_run_once(tmp_path, capsys):
    status, said = reproduce(capsys, "figure8", "train.frobnicate=1", f"results={tmp_path}")
    assert status == 1
    assert "will be tried again" not in said
    assert said.count("frobnicate") >= 3
    assert "0 of 3 runs made; 3 failed." in said
