"""The answers of a run and the image files they are about, where both still lie on this machine."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from medloc.data import load_dataset
from medloc.data.phantoms import phantom_key
from medloc.evaluation.samples import Sample, read_samples
from medloc.records import Record
from medloc.records.provenance import CHECKOUT
from medloc.settings.dataset import DatasetSettings, PhantomSettings


class NotHereError(Exception):
    """What is needed of a run does not lie on this machine; the message says what, in a few words."""


def answers(results: Path, record: Record, ids: Iterable[str]) -> list[Sample]:
    """Return a run's answers to these images, in the order asked for.

    Raises:
        NotHereError: The run's samples.jsonl is not beside its record, or cannot be read, or lacks an image.
    """
    path = results / "runs" / record.key / "samples.jsonl"
    wanted = list(ids)
    try:
        found = {sample.id: sample for sample in read_samples(path) if sample.id in wanted}
        return [found[name] for name in wanted]
    except FileNotFoundError:
        raise NotHereError(f"runs/{record.key}/samples.jsonl is not here") from None
    except (KeyError, ValueError) as error:
        raise NotHereError(f"runs/{record.key}/samples.jsonl: {error}") from None


def image_files(record: Record) -> dict[str, Path]:
    """Return the file of every image that a run was evaluated on, by id. Phantoms are not drawn for it.

    Raises:
        NotHereError: The images are not here, or are not those that the run saw.
    """
    written: dict[str, Any] = record.config.get("dataset", {})
    try:
        settings = DatasetSettings(**{**written, "phantom": PhantomSettings(**written["phantom"])})
        data = load_dataset(settings, _cache(record, settings))
    except (KeyError, TypeError, OSError, ValueError) as error:
        raise NotHereError(f"the images of {record.identity['dataset']} cannot be read ({error})") from None
    if data.fingerprint != record.fingerprints["data"]:
        raise NotHereError(f"the images of {record.identity['dataset']} are no longer those of runs/{record.key}")
    examples = data.test if settings.evaluate_on == "test" else data.calibration
    return {example.id: example.image for example in examples}


def _cache(record: Record, settings: DatasetSettings) -> Path:
    """Return the folder that holds the run's phantoms: where the run kept them, or the checkout's own."""
    places = [Path(record.config.get("cache", "")), CHECKOUT / "results" / ".cache"]
    if settings.root is not None:
        return places[0] if places[0].is_dir() else places[1]
    name = f"{settings.name}-{phantom_key(settings.name, settings.phantom)}"
    found = [place for place in places if (place / name).is_dir()]
    if not found:
        raise FileNotFoundError("its phantoms are not drawn on this machine")
    return found[0]
