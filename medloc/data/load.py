"""From settings to examples: real files or phantoms, read by the same code, split and fingerprinted."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medloc.data.example import DataSet, Example, Notes
from medloc.data.files import FileCache, content_hash, require_folder
from medloc.data.formats.masks import READING, Mask, MaskCache, examples_from, summary
from medloc.data.sets import SETS, check_set
from medloc.data.sets.manifest import read_parts
from medloc.data.splits import Split, fifth, grouped_split, leak
from medloc.spec.dataset import DatasetSettings, check_dataset


@dataclass(frozen=True)
class LoadedDataset:
    """A data set, ready to use.

    Attributes:
        name: As in `dataset=name`; with a manifest the name in its header, which parts one own set from another.
        train: Training examples, sorted by id.
        test: Test examples, sorted by id.
        calibration: Images apart from both, for tuning; phantoms only, empty for real data.
        notes: One line each on what was left out or should be known.
        fingerprint: 16 hex digits of the content of all examples, see `fingerprint`.
        synthetic: Whether these are phantoms.
        origin: "phantom" or "real: <folder name>"; with a manifest its origin and name.
        validation: Images set apart from training, for choosing a checkpoint; none unless asked for.
    """

    name: str
    train: tuple[Example, ...]
    test: tuple[Example, ...]
    calibration: tuple[Example, ...]
    notes: Notes
    fingerprint: str
    synthetic: bool
    origin: str
    validation: tuple[Example, ...] = ()


def load_dataset(settings: DatasetSettings, cache: Path) -> LoadedDataset:
    """Read a data set; without `dataset.root`, draw or find its phantoms first.

    Args:
        settings: The `dataset` group.
        cache: Folder for phantoms and for what is remembered of files.

    Raises:
        ValueError: A value is not allowed or a file cannot be used; one line, naming it.
        FileNotFoundError: A folder or table is missing; one line, naming it.
    """
    check_dataset(settings)
    check_set(settings)
    kind = SETS[settings.name]
    if kind.read is None and kind.pairs is None:
        return _load_manifest(settings, cache)
    if settings.root is None:
        return _load_phantoms(kind, settings, cache)
    root = require_folder(
        Path(settings.root).expanduser(),
        f"dataset.root={settings.root} is not a folder; point it at the unpacked data set, or use dataset.root=null for"
        " phantoms.",
    )
    split, notes = _read_split(kind, settings, root, cache, None)
    _require_both(f"dataset.root={root}", split)
    return _assembled(settings, kind.name, f"real: {root.resolve().name}", split, notes, root, cache)


def fingerprint(
    parts: Mapping[str, Sequence[Example]], hash_of: Callable[[Path], str], question: Sequence[str | None] = ()
) -> str:
    """Return 16 hex digits of everything that a data set puts into a result.

    These are the bytes of its images and masks, its ids, boxes, groups and classes, who is in which part, the version
    of the code that reads masks, and the question. Names of files and folders are not among them.

    Args:
        parts: Part -> examples, in order.
        hash_of: Gives the hash of a file's bytes.
        question: Target and prompt, where a manifest says them.
    """
    rows = {
        part: [
            [e.id, e.width, e.height, e.box.as_list(), e.group, e.label, hash_of(e.image), e.mask and hash_of(e.mask)]
            for e in examples
        ]
        for part, examples in parts.items()
        if examples
    }
    return hashlib.sha256(json.dumps([READING, list(question), rows], sort_keys=True).encode()).hexdigest()[:16]


def phantom_fingerprint(recipe: str, parts: Mapping[str, Sequence[Example]]) -> str:
    """Return 16 hex digits of how phantoms are drawn, and of which of them are in which part.

    Their bytes are not hashed: two processors may round a pixel differently, and the set is the same all the same.

    Args:
        recipe: Names the drawing code's version and everything that decides what it draws (`Phantoms.folder_name`).
        parts: Part -> examples, in order.
    """
    rows = {part: [[e.id, e.group, e.label] for e in examples] for part, examples in parts.items() if examples}
    return hashlib.sha256(json.dumps([READING, recipe, rows], sort_keys=True).encode()).hexdigest()[:16]


def _assembled(
    settings: DatasetSettings,
    name: str,
    origin: str,
    split: Split[Example],
    notes: Notes,
    root: Path,
    cache: Path,
    question: Sequence[str | None] = (),
    recipe: str | None = None,
    **others: tuple[Example, ...],
) -> LoadedDataset:
    """Set validation images apart, if asked to, and take the fingerprint; `others` are calibration, validation."""
    train, test = split
    if settings.validation_fraction:
        train, others["validation"] = _set_apart(settings, train)
    parts: dict[str, Any] = {"calibration": (), "train": train, "test": test, **others}
    if recipe is not None:
        digits = phantom_fingerprint(recipe, parts)
    else:
        hashes = FileCache("hashes", 1, root, cache)
        digits = fingerprint(parts, lambda path: str(hashes.get(path, content_hash)), question)
        hashes.save()
    return LoadedDataset(name, notes=notes, fingerprint=digits, synthetic=origin == "phantom", origin=origin, **parts)


def _load_phantoms(kind: DataSet, settings: DatasetSettings, cache: Path) -> LoadedDataset:
    if kind.phantoms is None:
        raise ValueError(f"dataset={kind.name} has no phantoms; dataset.root=FOLDER says where its images are.")
    roots = kind.phantoms.roots(settings.phantom, cache)
    split, notes = _read_split(kind, settings, roots.main, cache, settings.phantom.test)
    calibration, _ = _read(kind, settings, roots.calibration, cache, kind.parts.get("test", ""))
    recipe = kind.phantoms.folder_name(settings.phantom)
    root, apart = roots.main.parent, tuple(calibration)
    return _assembled(settings, kind.name, "phantom", split, notes, root, cache, recipe=recipe, calibration=apart)


def _load_manifest(settings: DatasetSettings, cache: Path) -> LoadedDataset:
    header, root, parts, notes = read_parts(settings)
    if settings.validation_fraction and parts["validation"]:
        raise ValueError(
            f"dataset.validation_fraction={settings.validation_fraction}: {settings.manifest} names its validation "
            "images itself; drop the key."
        )
    split = parts["train"], parts["test"]
    _require_both(f"dataset.manifest={settings.manifest}", split)
    if shared := leak(split):
        notes = (*notes, f"{header.name}: {100 * shared:.1f} % of test images share a group with training.")
    origin = "phantom" if header.origin == "phantom" else f"{header.origin}: {header.name}"
    question = header.target, header.prompt
    apart = parts["validation"]
    return _assembled(settings, header.name, origin, split, notes, root, cache, question, validation=apart)


def _set_apart(settings: DatasetSettings, train: tuple[Example, ...]) -> Split[Example]:
    """Divide the training examples into those that stay and those for validation; no group on both sides."""
    count = max(1, round(settings.validation_fraction * len(train)))
    rest, validation = grouped_split(train, count, settings.split_seed)
    if not rest or not validation:
        raise ValueError(
            f"dataset.validation_fraction={settings.validation_fraction} of {len(train)} training images leaves "
            f"{len(rest)} to train on and {len(validation)} to validate on; there must be some of both."
        )
    return rest, validation


def _read_split(
    kind: DataSet, settings: DatasetSettings, root: Path, cache: Path, n_test: int | None
) -> tuple[Split[Example], Notes]:
    """Read training and test examples below `root`; a fifth is tested unless the files or `n_test` say otherwise."""
    if kind.split is None:
        train, train_notes = _read(kind, settings, root, cache, kind.parts["train"])
        test, test_notes = _read(kind, settings, root, cache, kind.parts["test"])
        return (tuple(train), tuple(test)), (*train_notes, *test_notes)
    examples, notes = _read(kind, settings, root, cache, "")
    split, split_notes = kind.split(settings, examples, fifth(len(examples)) if n_test is None else n_test)
    return split, (*notes, *split_notes)


def _read(kind: DataSet, settings: DatasetSettings, root: Path, cache: Path, part: str) -> tuple[list[Example], Notes]:
    if kind.read:
        return kind.read(root, settings)
    masks = MaskCache(root, cache)
    found = read_pairs(kind, root, part, settings.boxes, masks)
    masks.save()
    return found


def read_pairs(
    kind: DataSet, root: Path, part: str, rule: str, read_mask: Callable[[Path], Mask]
) -> tuple[list[Example], Notes]:
    """Return the examples of one part of a set of images and masks, and one line on what was left out.

    Args:
        kind: The data set; it has `pairs`.
        root: The data folder.
        part: One of the parts that the files name, "" where they name none.
        rule: `dataset.boxes`.
        read_mask: Reads one mask file.
    """
    assert kind.pairs is not None
    pairs, left_out = kind.pairs(root, part)
    return examples_from(pairs, read_mask, rule, left_out), summary(f"{kind.name} {part}".strip(), left_out)


def _require_both(where: str, split: Split[Example]) -> None:
    for part, examples in zip(("training", "test"), split, strict=True):
        if not examples:
            raise ValueError(f"{where} leaves no {part} example; check its files and dataset.boxes.")
