"""What of a results folder is committed: records that say everything tables and figures need, and the images shown."""

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from medloc.report.figures.gallery import RULES, Strip, gallery
from medloc.report.runs import (
    COUNTS,
    IMAGES,
    NotHereError,
    image_counts,
    kept_images,
    read_image_ious,
    read_series,
    run_images,
)
from medloc.report.tables.build import all_values
from medloc.report.values import Values
from medloc.runs import Found, Record, write_record

SERIES = (
    *("tau_used", "tau", "updated", "mean_reward", "reward_std", "iou_margin"),
    *("reward", "dead", "all_miss", "all_hit", "parse_rate", "kl", "entropy"),
)
"""Of a trace: what the figures draw, what the claims ask about, and what says why tau moved or did not."""

DECIMALS = 6


@dataclass(frozen=True)
class Published:
    """What was written.

    Attributes:
        records: number of records.
        lacking: what could not be published and why, one line each.
    """

    records: int
    lacking: tuple[str, ...]


def publish(results: Path, found: Found, out: Path) -> Published:
    """Write the complete records of a results folder, and what they need beside them, into `out`.

    Records that are there already and not in `results` stay. A record that was published before is taken as it is.

    Args:
        results: The folder above `runs/`.
        found: Its records.
        out: The folder to be committed.

    Raises:
        ValueError: A file of the results folder is torn; the message names it.
    """
    complete = [record for record in found.records if record.status == "complete"]
    for record in complete:
        write_record(out / "runs" / record.key, published(record, results / "runs" / record.key))
    values = all_values(results, complete)
    lacking: list[str] = []
    for each in values:
        for dataset in each.group.datasets:
            members = [r for r in each.group.records if r.identity["dataset"] == dataset]
            image_counts(results, members)  # counts them, where that has not been done
    for name in sorted({f"{record.fingerprints['data']}.json" for record in complete}):
        if (results / COUNTS / name).is_file():
            _copy(results / COUNTS / name, out / COUNTS / name)
    for name in RULES:
        if name in values[0].experiments:
            for strip in gallery(values[0].experiments[name], values[0]).strips:
                lacking += _publish_strip(strip, values[0], out)
    return Published(len(complete), tuple(lacking))


def published(record: Record, folder: Path) -> Record:
    """Return a record with its test IoUs, its series and the hash of its weights, and no place on this machine.

    Args:
        record: A complete record.
        folder: What lies beside it; a file that is not there leaves its field as it is.

    Raises:
        ValueError: A file in `folder` is torn.
    """
    samples, trace, weights = (folder / name for name in ("samples.jsonl", "trace.jsonl", "model/model.safetensors"))
    provenance = {key: value for key, value in record.provenance.items() if key != "platform"}
    if weights.is_file():
        with weights.open("rb") as file:
            provenance["weights_sha256"] = hashlib.file_digest(file, "sha256").hexdigest()
    return replace(
        record,
        config=_without_places(record.config),
        provenance=provenance,
        series=_series(trace) if trace.is_file() else record.series,
        test_ious=read_image_ious(samples).ious.tolist() if samples.is_file() else record.test_ious,
    )


def _without_places(value: Any) -> Any:
    """Return a configuration in which every absolute path, of whatever field, is its last name alone."""
    if isinstance(value, Mapping):
        return {name: _without_places(each) for name, each in value.items()}
    return Path(value).name if isinstance(value, str) and Path(value).is_absolute() else value


def _series(trace: Path) -> dict[str, list[Any]]:
    found = read_series(trace) or {}
    columns = {name: found[name] for name in SERIES if any(value is not None for value in found.get(name, ()))}
    return {
        name: [round(value, DECIMALS) if isinstance(value, float) else value for value in column]
        for name, column in columns.items()
    }


def _publish_strip(strip: Strip, values: Values, out: Path) -> list[str]:
    """Copy the images of one strip and the answers of its runs; return what is not here."""
    for record in strip.records:
        answers = values.results / "runs" / record.key / "samples.jsonl"
        _copy(answers, out / "runs" / record.key / answers.name)
    record = strip.records[0]
    kept = kept_images(record, values.results)
    try:
        files = run_images(record, values.results, strip.ids)
    except NotHereError as reason:
        return [f"{strip.dataset} {name}: {reason}." for name in strip.ids if name not in kept]
    for name, image in {**kept, **files}.items():
        _copy(image, out / IMAGES / record.fingerprints["data"] / f"{name}{image.suffix}")
    return []


def _copy(source: Path, target: Path) -> None:
    if source.resolve() != target.resolve():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
