"""TensorBoard's event files, read back by TensorBoard's own reader."""

import json

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar import layout_pb2

from medloc.spec.compose import compose_job
from medloc.training.runner import measure as running
from medloc.training.runner.runner import run_job
from medloc.training.tracking.series import CURRICULUM, EVALUATION, GROUPS, RAISED, SECONDS, TRAIN
from tests.small import overrides


@pytest.fixture(scope="module")
def tracked(tmp_path_factory):
    """Interrupted after a checkpoint, then made to the end."""
    results, cache = tmp_path_factory.mktemp("results"), tmp_path_factory.mktemp("cache")
    given = compose_job(overrides(results, cache, "window.size=2", "tracking=tensorboard", "tracking.images=3"))
    patch = pytest.MonkeyPatch()
    patch.setattr(running, "median_step", lambda folder: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run_job(given)
    patch.undo()
    return run_job(given)


@pytest.fixture(scope="module")
def events(tracked):
    reader = EventAccumulator(str(tracked.folder / "tensorboard"), size_guidance={"scalars": 0, "images": 0})
    return reader.Reload()


def series(events, name):
    return [(point.step, point.value) for point in events.Scalars(name)]


def test_every_series_has_every_step_once(tracked, events):
    trace = [json.loads(line) for line in (tracked.folder / "trace.jsonl").read_text().splitlines()]
    for name in (*(f"train/{name}" for name in TRAIN), SECONDS, "curriculum/P", "curriculum/S", RAISED, *GROUPS):
        assert [step for step, _ in series(events, name)] == [1, 2, 3, 4, 5, 6], name
    assert series(events, "curriculum/tau") == [(row["step"], pytest.approx(row["tau"])) for row in trace]
    curve = tracked.record.metrics["curve"]
    for name in EVALUATION:
        assert series(events, f"eval/{name}") == [(point["step"], pytest.approx(point[name])) for point in curve]


def test_one_chart_holds_the_statistics_and_their_bounds(events):
    (event,) = events.Tensors("custom_scalars__config__")[-1:]
    layout = layout_pb2.Layout.FromString(event.tensor_proto.string_val[0])
    charts = {chart.title: list(chart.multiline.tag) for category in layout.category for chart in category.chart}
    assert charts["why tau moved"] == list(CURRICULUM)


def test_metrics_and_test_images_are_there(tracked, events):
    metrics = tracked.record.metrics
    assert series(events, "summary/final/a50") == [(6, pytest.approx(metrics["final"]["a50"]))]
    assert len([name for name in events.Tags()["images"] if name.startswith("test images/")]) == 3
