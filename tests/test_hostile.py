"""Whatever a file or an answer holds, a reader says a clear error or a result: no other exception, no hang."""

import io
import json
import math

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from medloc.boxes import Box, ParseFailure, parse_box
from medloc.curriculum import curriculum_from
from medloc.evaluation.samples import read_samples
from medloc.experiments.catalog import read_experiment
from medloc.experiments.reduced import read_grid
from medloc.replay import replay
from medloc.report.figures.run import read_trace
from medloc.report.runs import read_image_ious
from medloc.rewards import reward_for
from medloc.runs import bounded_lines, bounded_text, parsed, read_record, write_record
from medloc.runs.store import MAX_LINE
from tests.curriculum.configs import config
from tests.runs.conftest import make_record
from tests.strategies import hostile_texts

QUICK = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**30, -(10**30), 10**400])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
)
DEEP = "[" * 200_000
RAW = st.binary(max_size=60) | VALUES.map(lambda value: json.dumps(value).encode())


def twisted(whole):
    """The whole object with some of its fields exchanged, missing or added."""
    fields = st.dictionaries(st.sampled_from([*whole, "more"]), VALUES, max_size=2)
    return st.builds(lambda new, gone: {k: v for k, v in {**whole, **new}.items() if k not in gone}, fields,
                     st.sets(st.sampled_from([*whole]), max_size=1))  # fmt: skip


def refusal(call, *arguments):
    """Returns what a refusal says; None where there was none. Any other exception is the test's failure."""
    try:
        call(*arguments)
    except ValueError as error:
        return str(error)
    return None


@given(hostile_texts() | st.text())
def test_an_answer_is_a_box_or_the_reason_why_not(text):
    found = parse_box(text)
    assert isinstance(found, Box | ParseFailure)
    if isinstance(found, Box):
        assert all(map(math.isfinite, found.as_list()))


@pytest.mark.parametrize("unit", ["[", "[1,", "[1, 2, 3, 4", "[[", "]", "1" * 9 + ",", "[" + " " * 50])
def test_a_long_answer_is_read_in_one_pass(unit):
    """2 MB each: a parser that looks back would be at it for days."""
    assert not parse_box(unit * (2_000_000 // len(unit)))


STEP = {"step": 1, "ious": [[0.1, 0.5]]}


@given(st.lists(RAW | twisted(STEP).map(lambda row: json.dumps(row).encode()), max_size=4))
@example([DEEP.encode()])
@example([b'{"step": 1, "ious": [[NaN]]}'])
@example([b"\xff\xfe"])
def test_replay_names_the_line_or_replays_it(lines):
    said = refusal(replay, lines, curriculum_from(config(size=2)), "trace.jsonl")
    assert said is None or said.startswith("trace.jsonl line ")


@given(VALUES | twisted({"tau": 0.3, "unit": "step", "size": 2, "entries": [[0.1, 0.2]]}))
def test_a_state_is_taken_or_refused_and_then_nothing_changed(state):
    curriculum = curriculum_from(config(size=2))
    curriculum.observe([[0.5, 0.6]])
    before = curriculum.state_dict()
    try:
        curriculum.load_state_dict(state)
    except ValueError:
        assert curriculum.state_dict() == before
    else:
        assert 0 <= curriculum.tau <= 1
        curriculum.observe([[0.5, 0.6]])


@given(VALUES | twisted({"ious": [0.1, 0.2]}))
def test_a_reward_s_state_is_taken_or_refused(state):
    reward = reward_for("dr_seg", None)
    try:
        reward.load_state_dict(state)
    except ValueError:
        assert reward.state_dict() == reward_for("dr_seg", None).state_dict()


SIZES = dict.fromkeys(("width", "height", "answer_width", "answer_height"), 10)
WORDS = {"id": "a", "group": "g", "class": "", "space": "pixels", "text": "[0, 0, 1, 1]"}
SAMPLE = {**SIZES, **WORDS, "truth": [0, 0, 1, 1], "box": [0, 0, 1, 1], "failure": None, "iou": 1.0}
ROW = {"step": 1, "ious": [[0.1, 0.5]], "tau_used": 0.3, "tau": 0.3, "reward": 0.5}


def read_or_refused(read, path, content):
    """Returns whether the file is read; where it is refused, its name has to be said."""
    path.write_bytes(content)
    said = refusal(read, path)
    assert said is None or path.name in said
    return said is None


@QUICK
@given(st.lists(RAW | twisted(SAMPLE).map(lambda row: json.dumps(row).encode()), max_size=3))
@example([DEEP.encode()])
def test_samples_and_their_score(tmp_path_factory, lines):
    from medloc.score import main as score

    path = tmp_path_factory.getbasetemp() / "samples.jsonl"
    read_or_refused(lambda p: list(read_samples(p)), path, b"\n".join(lines))
    read_or_refused(read_image_ious, path, b"\n".join(lines))
    assert score([str(path)]) in (0, 1, 2)


@QUICK
@given(st.lists(RAW | twisted(ROW).map(lambda row: json.dumps(row).encode()), max_size=3))
@example([DEEP.encode()])
@example([b'{"step": 1, "ious": [], "tau_used": null}'])
@example([b'{"step": 1, "ious": [[]], "tau_used": null}'])
def test_a_trace_is_drawn_or_its_line_named(tmp_path_factory, lines):
    read_or_refused(read_trace, tmp_path_factory.getbasetemp() / "trace.jsonl", b"\n".join(lines))


@pytest.fixture(scope="module")
def whole_record(tmp_path_factory):
    return json.loads(write_record(tmp_path_factory.mktemp("record"), make_record()).read_text())


@QUICK
@given(data=st.data())
def test_a_record_is_read_or_refused(tmp_path_factory, whole_record, data):
    path = tmp_path_factory.getbasetemp() / "record.json"
    content = data.draw(RAW | twisted(whole_record).map(lambda row: json.dumps(row).encode()))
    read_or_refused(read_record, path, content)


@QUICK
@given(data=st.data())
def test_a_record_whose_depths_are_twisted_is_read_or_refused(tmp_path_factory, whole_record, data):
    path = tmp_path_factory.getbasetemp() / "record.json"
    place = data.draw(st.sampled_from(["identity", "metrics", "fingerprints", "timings", "config", "series"]))
    inner = data.draw(twisted(whole_record[place] or {"a": [1]}))
    if read_or_refused(read_record, path, json.dumps({**whole_record, place: inner}).encode()):
        found = read_record(path)
        assert isinstance(found.identity["seed"], int)
        assert all(isinstance(point["step"], int | float) for point in found.metrics["curve"])


@QUICK
@given(RAW | twisted({"overrides": ["a=1"], "seeds": [1], "datasets": [], "smoke": True}).map(
    lambda row: json.dumps(row).encode()))  # fmt: skip
@example(DEEP.encode())
def test_a_thinning_is_read_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "reduced.json"
    if read_or_refused(lambda path: read_grid(path.parent), path, content):
        assert all(isinstance(seed, int) for seed in read_grid(path.parent).seeds)


ITS_ROW = {"name": "a", "set": {"method": "medloc", "window.size": [10, 20]}}
EXPERIMENT = {"title": "t", "shows": "s", "datasets": ["heel"], "seeds": [42], "rows": [ITS_ROW]}


@QUICK
@given(st.text(max_size=40) | twisted(EXPERIMENT).map(json.dumps) | twisted(ITS_ROW).map(
    lambda row: json.dumps({**EXPERIMENT, "rows": [row]})))  # fmt: skip
@example("&a [*a, *a]")
@example("!!python/object/apply:os.system [exit]")
@example("[" * 5_000)
def test_an_experiment_is_read_or_refused(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "one.yaml"
    read_experiment.cache_clear()
    read_or_refused(read_experiment, path, text.encode("utf-8", "surrogatepass"))


def test_a_line_at_the_limit_is_read_and_one_byte_more_refused():
    at = b"x" * (MAX_LINE - 1) + b"\n"
    assert list(bounded_lines(io.BytesIO(at + b"y\n"), "f")) == [at, b"y\n"]
    assert [len(line) for line in bounded_lines(io.BytesIO(b"x" * MAX_LINE), "f")] == [MAX_LINE]
    lines = bounded_lines(io.BytesIO(b"y\n" + b"x" * MAX_LINE + b"\n"), "f")
    assert next(lines) == b"y\n"
    with pytest.raises(ValueError, match=r"f line 2: has more than 1,048,576 bytes"):
        next(lines)


def test_a_file_at_the_limit_is_read_and_one_byte_more_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("medloc.runs.store.MAX_FILE", 100)
    path = tmp_path / "record.json"
    path.write_text("x" * 100)
    assert bounded_text(path) == "x" * 100
    path.write_text("x" * 101)
    with pytest.raises(ValueError, match=r"record\.json: has more than 100 bytes"):
        bounded_text(path)


@pytest.mark.parametrize("text", [DEEP, "NaN", "[Infinity]", '{"a": ', "1" * 5000])
def test_what_json_cannot_say_is_a_value_error(text):
    with pytest.raises(ValueError, match=r"."):
        parsed(text)
