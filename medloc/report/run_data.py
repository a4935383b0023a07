"""The data set that a run saw, where its files still lie on this machine."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from medloc.data import LoadedDataset, load_dataset
from medloc.data.sets import SETS
from medloc.runs import Record
from medloc.runs.provenance import CHECKOUT
from medloc.spec.dataset import DatasetSettings, dataset_settings

IMAGES = "images"
"""Below published results: images that figures show, in a folder named by the fingerprint of their data set."""


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
    phantoms = SETS[settings.name].phantoms
    found = [place for place in places if phantoms and (place / phantoms.folder_name(settings.phantom)).is_dir()]
    if not found:
        raise FileNotFoundError("its phantoms are not drawn on this machine")
    return found[0]
