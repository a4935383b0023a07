"""What Figures 4 and 8 show: test images chosen by rule, with the boxes that were answered and the answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from medloc.boxes import Box
from medloc.evaluation.samples import Sample
from medloc.experiments.catalog import Experiment, Row
from medloc.report.choice import DIFFERENCE_RULE, FAILURE_RULE, Choice, extreme_differences, failures
from medloc.report.overlays import TRUTH, Mark, Picture
from medloc.report.rows import DATASETS
from medloc.report.run_answers import run_answers
from medloc.report.run_data import NotHereError, run_images
from medloc.report.style import BASELINE, OURS
from medloc.report.values import Values
from medloc.runs import Record

DASHES = ((0, (4, 1.5)), (0, (1.5, 1)))
COLORS = (OURS, BASELINE)


@dataclass(frozen=True)
class Answer:
    """What one run answered to one image.

    Attributes:
        row: The run's row.
        text: What the model wrote, as it wrote it.
        box: The box in pixels of the image; None where the text holds none.
        iou: Its overlap with the truth, in [0, 1].
    """

    row: str
    text: str
    box: Box | None
    iou: float


@dataclass(frozen=True)
class Shown:
    """One image: why it is shown, its true box in its pixels, and what was answered, ours first."""

    id: str
    why: str
    truth: Box
    answers: tuple[Answer, ...]

    def picture(self, dataset: str, image: Path) -> Picture:
        """Return the image with its boxes and their overlaps."""
        told = zip(("ours", "baseline"), self.answers, strict=False)
        ious = ", ".join(f"{word} {_overlap(one)}" for word, one in told)
        marks = zip(self.answers, COLORS, DASHES, strict=False)
        boxes = ((Mark(one.row, color, dash), one.box) for one, color, dash in marks)
        title = f"{DATASETS[dataset]}: {self.why}\n{self.id}\n{ious}"
        return Picture(image, title, ((TRUTH, self.truth), *boxes))


@dataclass(frozen=True)
class Strip:
    """The images shown of one data set, and the records that were evaluated on them, ours first."""

    dataset: str
    records: tuple[Record, ...]
    shown: tuple[Shown, ...]

    @property
    def record(self) -> Record:
        """Ours."""
        return self.records[0]

    def pictures(self, results: Path) -> list[Picture]:
        """Return what is drawn.

        Raises:
            NotHereError: The images do not lie on this machine.
        """
        files = run_images(self.record, results, [one.id for one in self.shown])
        return [one.picture(self.dataset, files[one.id]) for one in self.shown]


@dataclass(frozen=True)
class Gallery:
    """A figure of images.

    Attributes:
        strips: The images, data set by data set.
        reading: How they were chosen.
        lacking: What could not be shown and why, one line each.
    """

    strips: tuple[Strip, ...]
    reading: str
    lacking: tuple[str, ...]


def figure4(experiment: Experiment, values: Values) -> Gallery:
    """Show where ours gains most over the baseline, where it stands in the middle, and where it loses most."""
    return _gallery(experiment, values, DIFFERENCE_RULE)


def figure8(experiment: Experiment, values: Values) -> Gallery:
    """Show failures of ours: the worst, the median and the mildest."""
    return _gallery(experiment, values, FAILURE_RULE)


GALLERIES = {"figure4": figure4, "figure8": figure8}


def _gallery(experiment: Experiment, values: Values, rule: str) -> Gallery:
    """Fill one strip per data set with the first seed that every row of the experiment has."""
    strips, lacking = [], []
    for dataset in dict.fromkeys(dataset for row in experiment.rows for dataset in row.datasets):
        try:
            strips.append(_strip(experiment, values, dataset))
        except NotHereError as reason:
            lacking.append(f"{DATASETS[dataset]}: {reason}.")
    return Gallery(tuple(strips), rule, tuple(lacking))


def _strip(experiment: Experiment, values: Values, dataset: str) -> Strip:
    seed = _common_seed(experiment.rows, values, experiment.name, dataset)
    ious = [values.images(experiment.name, row.name, dataset, seed) for row in experiment.rows]
    found = [each for each in ious if each is not None]
    if len(found) < len(ious) or len({each.ids for each in found}) > 1:
        raise NotHereError("the overlaps on its images are not here, or are not those of the same images")
    overlaps = [each.ious.tolist() for each in found]
    choices = extreme_differences(*overlaps) if len(overlaps) == 2 else failures(overlaps[0])
    if not choices:
        raise NotHereError("no answer fails")
    names = [found[0].ids[choice.place] for choice in choices]
    records = [values.records(experiment.name, row.name, dataset)[seed] for row in experiment.rows]
    samples = [run_answers(record, values.results, names) for record in records]
    shown = zip(choices, *samples, strict=True)
    return Strip(dataset, tuple(records), tuple(_shown(experiment.rows, choice, given) for choice, *given in shown))


def _shown(rows: Sequence[Row], choice: Choice, given: Sequence[Sample]) -> Shown:
    told = (Answer(row.name, one.text, one.box, one.iou) for row, one in zip(rows, given, strict=True))
    return Shown(given[0].id, choice.why, given[0].truth, tuple(told))


def _common_seed(rows: Sequence[Row], values: Values, experiment: str, dataset: str) -> int:
    found = [set(values.records(experiment, row.name, dataset)) for row in rows]
    common = set.intersection(*found)
    if not common:
        raise NotHereError("no run yet" if len(rows) == 1 else "no seed that both rows have run")
    return min(common)


def _overlap(answer: Answer) -> str:
    return f"IoU {answer.iou:.3f}" if answer.box else "no box"
