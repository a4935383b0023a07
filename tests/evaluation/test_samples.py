import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medloc.boxes import Box
from medloc.evaluation.samples import Sample, read_samples, write_samples

SAMPLE = Sample(
    id="ISIC_1",
    group="HAM_7",
    label="nv",
    width=600,
    height=450,
    space="resized",
    answer_width=128,
    answer_height=96,
    truth=Box(10.0, 20.0, 110.0, 120.0),
    text="[1, 2, 3, 4]",
    box=Box(4.6875, 9.375, 14.0625, 18.75),
    failure=None,
    iou=0.0,
)


def line(**changes):
    fields = {
        "id": "ISIC_1",
        "group": "HAM_7",
        "class": "nv",
        "width": 600,
        "height": 450,
        "space": "resized",
        "answer_width": 128,
        "answer_height": 96,
        "truth": [10.0, 20.0, 110.0, 120.0],
        "text": "[1, 2, 3, 4]",
        "box": [4.6875, 9.375, 14.0625, 18.75],
        "failure": None,
        "iou": 0.0,
    }
    return json.dumps({**fields, **changes})


def test_the_file_holds_exactly_the_named_fields_in_order(tmp_path):
    path = tmp_path / "samples.jsonl"
    write_samples(path, [SAMPLE])
    assert path.read_text() == line() + "\n"


def test_reads_back_equal_one_by_one(tmp_path):
    path = tmp_path / "samples.jsonl"
    samples = [SAMPLE, replace(SAMPLE, id="2", text="ä\n\ud800", box=None, failure="no bracket")]
    write_samples(path, samples)
    assert list(read_samples(path)) == samples
    stream = read_samples(path)
    assert next(stream) == SAMPLE


def test_a_failure_half_way_leaves_no_file(tmp_path):
    def torn():
        yield SAMPLE
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        write_samples(tmp_path / "samples.jsonl", torn())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (line()[:40], "line 3: "),
        ("[]", "line 3: not a JSON object"),
        ('{"id": "a"}', r"line 3: not a sample: missing \['answer_height'"),
        (line(colour=1), r"unknown \['colour'\]"),
        (line(id=7), "id=7 must be text"),
        (line(width=0), "width=0 must be a whole number of at least 1"),
        (line(height=True), "height=True must be"),
        (line(space="inches"), "space='inches' must be one of pixels, resized, thousand"),
        (line(truth=[1, 2, 3]), r"truth=\[1, 2, 3\] must be four numbers"),
        (line(box=[]), r"box=\[\] must be four numbers"),
        (line(box=None), "exactly one of box and failure"),
        (line(failure="no bracket"), "exactly one of box and failure"),
        (line(iou=1.5), r"iou=1\.5 must lie in"),
        (line(iou=float("nan")), "NaN is not JSON"),
        (line(iou=10**400), "line 3: "),
        (line(text=None), "text=None must be text"),
    ],
)
def test_a_bad_line_is_named_by_its_number(tmp_path, bad, message):
    path = tmp_path / "samples.jsonl"
    path.write_text(f"{line()}\n\n{bad}\n{line()}\n")
    stream = read_samples(path)
    assert next(stream) == SAMPLE
    with pytest.raises(ValueError, match=message):
        next(stream)


@given(st.text(alphabet=st.characters()), st.floats(0, 1), st.floats(allow_nan=False, allow_infinity=False))
def test_any_text_and_number_survive(tmp_path_factory, text, iou, corner):
    path = tmp_path_factory.getbasetemp() / "any.jsonl"
    sample = replace(SAMPLE, text=text, id=text, iou=iou, box=Box(corner, 0.0, 1.0, 2.0))
    write_samples(path, [sample])
    assert list(read_samples(path)) == [sample]
