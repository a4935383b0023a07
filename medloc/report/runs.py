"""What a run left behind or saw: its data set, its answers, the overlap on every test image."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter

from medloc.data import LoadedDataset, load_dataset
from medloc.data.sets import SETS
from medloc.evaluation.metrics import THRESHOLDS
from medloc.evaluation.samples import Sample, read_samples
from medloc.runs import Record, bounded_lines, parsed, write_text
from medloc.runs.provenance import CHECKOUT
from medloc.spec.dataset import DatasetSettings, dataset_settings

IMAGES = "images"
"""Below published results: images that figures show, in a folder named by the fingerprint of their data set."""
COUNTS = "datasets"
"""Below the results: one file for each data fingerprint, so that a file is never wrong about what it counts."""

Array = npt.NDArray[np.float64]
T = TypeVar("T")


class NotHereError(Exception):
    """What is needed of a run does not lie on this machine; the message says what, in a few words."""


def run_data(record: Record, results: Path) -> LoadedDataset:
    """Read the data set of a run again. Phantoms are not drawn for it.

    Args:
        record: The run's record; it says where the files lay.
        results: The results folder; phantoms may lie in its cache.

    Raises:
        NotHereError: The files are not here, or are not those that the run saw.
    """
    written: dict[str, Any] = record.config.get("dataset", {})
    try:
        settings = dataset_settings(written)
        data = load_dataset(settings, _cache(settings, record, results))
    except (KeyError, TypeError, OSError, ValueError) as error:
        raise NotHereError(f"the images cannot be read ({error})") from None
    if data.fingerprint != record.fingerprints["data"]:
        raise NotHereError(f"the images are no longer those of runs/{record.key}")
    return data


def run_images(record: Record, results: Path, ids: Sequence[str]) -> dict[str, Path]:
    """Return the files of some images that a run was evaluated on, by id: published ones, else the data set's own.

    Raises:
        NotHereError: One of them is not on this machine.
    """
    files = kept_images(record, results)
    if not set(ids) <= files.keys():
        data = run_data(record, results)
        examples = data.test if record.identity["evaluated_on"] == "test" else data.calibration
        files = {example.id: example.image for example in examples}  # ids of different parts may be the same
    return {name: files[name] for name in ids}


def kept_images(record: Record, results: Path) -> dict[str, Path]:
    """Return the published images of a run's data set by id, which may name a folder: "normal/12"."""
    folder = results / IMAGES / record.fingerprints["data"]
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).with_suffix("").as_posix(): path for path in files}


def _cache(settings: DatasetSettings, record: Record, results: Path) -> Path:
    """Return the folder that holds the run's phantoms: where the run kept them, or a cache near the results."""
    places = [Path(record.config["cache"]), results / ".cache", CHECKOUT / "results" / ".cache"]
    if settings.root is not None or settings.manifest is not None:
        return next((place for place in places if place.is_dir()), places[1])
    phantoms = SETS[settings.name].phantoms if settings.name in SETS else None
    name = phantoms.folder_name(settings.phantom) if phantoms else ""
    found = [place for place in places if name and (place / name).is_dir()]
    if not found:
        raise FileNotFoundError("its phantoms are not drawn on this machine")
    return found[0]


def run_answers(record: Record, results: Path, ids: Sequence[str]) -> list[Sample]:
    """Return a run's answers to these images, in the order asked for.

    Raises:
        NotHereError: The run's samples.jsonl is not beside its record, or cannot be read, or lacks an image.
    """
    path = results / "runs" / record.key / "samples.jsonl"
    try:
        found = {sample.id: sample for sample in read_samples(path) if sample.id in ids}
        return [found[name] for name in ids]
    except FileNotFoundError:
        raise NotHereError(f"runs/{record.key}/samples.jsonl is not here") from None
    except KeyError as error:
        raise NotHereError(f"runs/{record.key}/samples.jsonl lacks {error}") from None
    except ValueError as error:
        raise NotHereError(str(error).replace(f"{results}/", "")) from None


def read_lines(path: Path, what: str, read: Callable[[Any], T]) -> list[T]:
    """Return what `read` makes of every line of a file of JSON lines.

    Args:
        path: The file.
        what: What a line is, for messages: "a sample".
        read: Takes what a line says; a ValueError, KeyError, TypeError, AttributeError, IndexError or OverflowError of
            it means that the line is none of these.

    Raises:
        ValueError: A line is bad; the message names file and line.
        FileNotFoundError: There is no such file.
    """
    found = []
    with path.open("rb") as file:
        for number, line in enumerate(bounded_lines(file, str(path)), start=1):
            try:
                found.append(read(parsed(line)))
            except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError) as error:
                raise ValueError(f"{path} line {number}: not {what} ({error!r}).") from None
    return found


@dataclass(frozen=True, eq=False)
class ImageIous:
    """One number per test image, in the data set's fixed order.

    Attributes:
        ids: Name of each image.
        groups: Lesion or patient of each; images of one group are no independent witnesses.
        ious: Overlap with the true box, in [0, 1].
    """

    ids: tuple[str, ...]
    groups: tuple[str, ...]
    ious: Array

    def scores(self, metric: str) -> Array:
        """Return what each image adds to a metric, in [0, 1]; their mean is the metric.

        Args:
            metric: "a50", "a80" (0 or 1 an image), "map" (share of the ten thresholds reached) or "mean_iou".
        """
        if metric == "mean_iou":
            return self.ious
        levels = {"a50": (0.5,), "a80": (0.8,), "map": THRESHOLDS}[metric]
        reached: Array = (self.ious[:, None] >= np.array(levels)).mean(axis=1)
        return reached


def read_image_ious(path: Path) -> ImageIous:
    """Read id, group and IoU of every line of a samples.jsonl, and nothing else of it, which is quick.

    Raises:
        ValueError: A line is no sample; the message names file and line.
        FileNotFoundError: There is no such file.
    """
    rows = read_lines(path, "a sample", lambda line: (line["id"], line["group"], float(line["iou"])))
    ids, groups, ious = zip(*rows, strict=True) if rows else ((), (), ())
    if not all(0.0 <= iou <= 1.0 for iou in ious):
        raise ValueError(f"{path}: holds an iou that does not lie in [0, 1].")
    return ImageIous(ids, groups, np.array(ious, dtype=np.float64))


def read_series(path: Path) -> dict[str, list[Any]] | None:
    """Return a trace as per-step lists by name, without the IoUs; None where it has no step.

    Raises:
        ValueError: A line is no step of a trace; the message names file and line.
        FileNotFoundError: There is no such file.
    """
    lines = read_lines(path, "a step of a trace", lambda line: {name: line[name] for name in line if name != "ious"})
    names = dict.fromkeys(name for line in lines for name in line)
    return {name: [line.get(name) for line in lines] for name in names} if lines else None


def published_ious(record: Record, order: Sequence[tuple[str, str]] | None) -> ImageIous | None:
    """Return the overlaps that a published record holds; None where it has none, or `order` is of other images.

    Args:
        record: The record.
        order: Id and lesion or patient of every test image; None where they are not known.
    """
    if record.test_ious is None or order is None or len(order) != len(record.test_ious):
        return None
    ids, groups = zip(*order, strict=True) if order else ((), ())
    return ImageIous(ids, groups, np.array(record.test_ious, dtype=np.float64))


@dataclass(frozen=True)
class ImageCounts:
    """The images behind one data fingerprint.

    Attributes:
        train: Class -> number of training images.
        test: Class -> number of test images.
        order: Id and lesion or patient of every test image, in the order in which runs answer.
    """

    train: dict[str, int]
    test: dict[str, int]
    order: tuple[tuple[str, str], ...]


_COUNTS = TypeAdapter(ImageCounts)


def image_counts(results: Path, records: Iterable[Record]) -> ImageCounts | None:
    """Count the images that records of one data set share, or remember them.

    Files are read only where they lie already: nothing is drawn for a table. They must have the records' fingerprint.

    Args:
        results: The results folder; what is counted is kept in `datasets/` below it.
        records: Complete records of one data fingerprint.

    Returns:
        The counts; None where the files are not at hand or have changed since.
    """
    tried = set()
    for record in records:
        path = results / COUNTS / f"{record.fingerprints['data']}.json"
        place = (path, record.config.get("dataset", {}).get("root"), record.config.get("cache"))
        if place in tried:
            continue
        tried.add(place)
        try:
            return _COUNTS.validate_json(path.read_bytes())
        except (OSError, ValueError):  # not counted yet, or torn: it is counted again
            pass
        try:
            data = run_data(record, results)
        except NotHereError:
            continue
        train, test = (dict(sorted(Counter(each.label for each in part).items())) for part in (data.train, data.test))
        counted = ImageCounts(train, test, tuple((each.id, each.group) for each in data.test))
        write_text(path, json.dumps(asdict(counted)) + "\n")
        return counted
    return None
