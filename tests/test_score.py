import json
import subprocess
import sys
from dataclasses import replace

import pytest

from medloc.boxes import Box, ParseFailure
from medloc.evaluation.samples import Sample, read_samples, write_samples
from medloc.score import main

SAMPLE = Sample(
    id="a",
    group="g",
    label="",
    width=200,
    height=100,
    space="resized",
    answer_width=100,
    answer_height=100,
    truth=Box(20.0, 10.0, 120.0, 60.0),
    text="The lesion: [10, 10, 60, 60]",
    box=Box(20.0, 10.0, 120.0, 60.0),
    failure=None,
    iou=1.0,
)
HALF = replace(SAMPLE, id="b", text="[10,10,35,60]", box=Box(20.0, 10.0, 70.0, 60.0), iou=0.5)
NONE = replace(SAMPLE, id="c", text="no idea", box=None, failure="no bracket", iou=0.0)


@pytest.fixture
def scored(tmp_path, capsys):
    def score(*samples):
        path = tmp_path / "samples.jsonl"
        write_samples(path, samples)
        status = main([str(path)])
        output = capsys.readouterr()
        return status, json.loads(output.out), output.err

    return score


def test_hand_computed(scored):
    # x doubles from the answer's grid to pixels. IoUs 1, 0.5, 0: a50 = 2/3, a80 = 1/3,
    # thresholds met 10 + 1 + 0 of 30, mean 1.5/3, two of three answers hold a box.
    status, metrics, errors = scored(SAMPLE, HALF, NONE)
    assert (status, errors) == (0, "")
    assert metrics == {
        "n": 3,
        "a50": 2 / 3,
        "a80": 1 / 3,
        "map": 11 / 30,
        "mean_iou": 0.5,
        "parse_rate": 2 / 3,
    }
    assert list(metrics) == ["n", "a50", "a80", "map", "mean_iou", "parse_rate"]


def test_a_stored_iou_that_its_text_does_not_bear_out(scored):
    wrong = [replace(HALF, id=f"w{i}", iou=0.500001) for i in range(7)]
    status, metrics, errors = scored(SAMPLE, *wrong)
    assert status == 1
    assert errors.splitlines()[0] == "7 of 8 stored IoUs disagree:"
    assert "w0: iou 0.500001 is stored, 0.5 recomputed from '[10,10,35,60]'" in errors
    assert len(errors.splitlines()) == 6  # the first five only
    assert metrics["mean_iou"] == (1 + 7 * 0.5) / 8


def test_no_images_have_no_metrics(scored):
    assert scored()[:2] == (
        0,
        {"n": 0, "a50": None, "a80": None, "map": None, "mean_iou": None, "parse_rate": None},
    )


def test_a_bad_line_and_a_missing_file_are_one_line_each(tmp_path, capsys):
    path = tmp_path / "samples.jsonl"
    write_samples(path, [SAMPLE, HALF])
    path.write_text(path.read_text() + '{"id": 1')
    assert main([str(path)]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert len(output.err.splitlines()) == 1
    assert "samples.jsonl line 3: " in output.err
    assert main([str(tmp_path / "none.jsonl")]) == 2
    assert "none.jsonl: no such file" in capsys.readouterr().err


def test_help_teaches_and_no_argument_fails(capsys):
    assert main(["--help"]) == 0
    assert "parse_rate" in capsys.readouterr().out
    assert main([]) == 2
    assert capsys.readouterr().out == ""


def test_training_and_scoring_judge_alike(tmp_path):
    from medloc.boxes import AnswerGrid
    from medloc.rewards.base import judge

    texts = [
        "[1,2,3,4]",
        "[[9, 9], [5,5,40,40]]",
        "[60,60,10,10]",
        "[1,2,3",
        "",
        "[1e3,2,3,4]",
        "[.5,1,2,3]",
        "[" * 999,
    ]
    samples = []
    for text in texts:
        answer = judge(text, SAMPLE.truth, lambda box: AnswerGrid("resized", 100, 100).to_original(box, 200, 100))
        failed = isinstance(answer.box, ParseFailure)
        box, failure = (None, answer.box.reason) if failed else (answer.box, None)
        samples.append(replace(SAMPLE, text=text, box=box, failure=failure, iou=answer.iou))
    path = tmp_path / "samples.jsonl"
    write_samples(path, samples)
    assert list(read_samples(path)) == samples
    assert main([str(path)]) == 0


def test_the_command_loads_no_torch_and_no_numpy():
    code = "import sys, medloc.score; assert not {'torch', 'numpy', 'pandas'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
