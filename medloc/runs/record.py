"""`record.json`: everything a table or a figure needs to know about one run, in one documented class."""

from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict

from medloc.runs.key import NUMERICS

SCHEMA = 1
"""Raised when a field changes its meaning; records of another schema are reported, never guessed at."""

Status = Literal["complete", "failed", "running"]


class Scores(TypedDict):
    """Accuracy over `n` test images, as fractions in [0, 1]; None where a number has no meaning."""

    n: int
    a50: float | None
    a80: float | None
    map: float | None
    mean_iou: float | None
    parse_rate: float | None


class ConstantBox(TypedDict):
    """One box given as the answer to every image: the best on the training boxes, and their median."""

    best: Scores
    median: Scores


class CurvePoint(TypedDict):
    """An evaluation on the way: after `step` optimizer steps, on the first `n` test images."""

    step: int
    n: int
    a50: float
    a80: float
    map: float
    mean_iou: float
    parse_rate: float


class RunMetrics(TypedDict):
    """What a run measured; None where it did not.

    `zero_shot` is the start, `final` the value for the tables, `last` the value after the last step, which
    need not be the table's: `train=paper` takes that at step 1000.
    """

    zero_shot: Scores | None
    final: Scores | None
    last: Scores | None
    constant_box: ConstantBox | None
    answer_grid: Scores | None
    curve: list[CurvePoint]


class Identity(TypedDict):
    """The words by which the tables find a run.

    `origin` is "phantom" or "real: <folder>"; `evaluated_on` is "test" or "calibration"; `schedule` is None
    for a method without one; `train` names the preset and `steps` the planned optimizer steps (0 where
    nothing is trained); `variant` lists the overrides, apart from those named here, that differ from the
    defaults ("window.unit=group criteria=no_reward"; "" = none).
    """

    dataset: str
    origin: str
    evaluated_on: str
    model: str
    method: str
    schedule: str | None
    train: str
    steps: int
    seed: int
    variant: str


def no_metrics() -> RunMetrics:
    """Return the metrics of a run that has measured nothing yet."""
    return {
        "zero_shot": None,
        "final": None,
        "last": None,
        "constant_box": None,
        "answer_grid": None,
        "curve": [],
    }


@dataclass(frozen=True, kw_only=True)
class Record:
    """One run. Every field is a JSON value, and every number in it is finite.

    Attributes:
        schema: Version of this format.
        key: The run key, which is also the name of the run's folder.
        status: "complete", "failed" or "running" (also left by a process that was killed).
        reason: Why a failed run failed, in one line; None otherwise.
        label: What the numbers stand for, to be printed beside them: "phantom data, tiny_s".
        identity: The words by which the tables find the run.
        config: The whole resolved config.
        metrics: What was measured, as fractions.
        series: Per-step lists that figures need (tau, mean_reward, shares of dead groups ...), by name; only
            in published records, None elsewhere.
        test_ious: The IoU of every test image in the data set's fixed order; only in published records.
        provenance: What `medloc.runs.provenance` says.
        numerics: The code's `medloc.runs.NUMERICS`; records of different numerics do not compare.
        fingerprints: `data` and `model`, 16 hexadecimal digits each; behind the base model's those of a model that
            judges answers (MedGround-R1).
        timings: Seconds by name: `wall_s`, `train_s`, `step_s_median` ...
        peak_memory_mb: Largest resident memory of the process, in 10^6 bytes.
        started: Begin of the run, ISO 8601 in UTC.
        ended: Its end; None while it runs.
    """

    schema: int = SCHEMA
    key: str
    status: Status
    reason: str | None = None
    label: str
    identity: Identity
    config: dict[str, Any]
    metrics: RunMetrics = field(default_factory=no_metrics)
    series: dict[str, list[Any]] | None = None
    test_ious: list[float] | None = None
    provenance: dict[str, Any]
    numerics: int = NUMERICS
    fingerprints: dict[str, str]
    timings: dict[str, float | None] = field(default_factory=dict)
    peak_memory_mb: float | None = None
    started: str
    ended: str | None = None
