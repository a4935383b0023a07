"""From settings to examples: real files or phantoms, read by the same loaders, split and fingerprinted."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from medloc.data.example import Example
from medloc.data.files import require_root
from medloc.data.formats.mask_cache import MaskCache
from medloc.data.phantoms import phantom_roots
from medloc.data.sets.ham10000 import read_ham10000
from medloc.data.sets.heel import read_heel
from medloc.data.sets.manifest import read_parts
from medloc.data.sets.tn3k import read_tn3k
from medloc.data.splits import Split, fifth, fold_split, grouped_split, leak, random_split, stratified_split
from medloc.spec.dataset import DatasetSettings, check_dataset, fold_of

Notes = tuple[str, ...]


@dataclass(frozen=True)
class LoadedDataset:
    """A data set, ready to use.

    Attributes:
        name: "ham10000", "tn3k" or "heel"; a manifest's own name.
        train: Training examples, sorted by id.
        test: Test examples, sorted by id.
        calibration: Images apart from both, for tuning; phantoms only, empty for real data.
        notes: One line each on what was left out or should be known.
        fingerprint: 16 hex digits over all examples: ids, files' sizes, boxes, groups, classes, parts.
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
        cache: Folder for phantoms and for what is remembered of masks.

    Raises:
        ValueError: for a value that is not allowed or a file that cannot be used; one line, naming it.
        FileNotFoundError: for a missing folder or table; one line, naming it.
    """
    check_dataset(settings)
    if settings.name == "manifest":
        return _load_manifest(settings)
    if settings.root is None:
        return _load_phantoms(settings, cache)
    root = require_root(Path(settings.root).expanduser())
    split, notes = _read(settings, root, cache, None)
    _require_both(f"dataset.root={root}", *split)
    return _assembled(settings, settings.name, split, (), (), notes, f"real: {root.resolve().name}")


def _assembled(
    settings: DatasetSettings,
    name: str,
    split: Split,
    validation: tuple[Example, ...],
    calibration: tuple[Example, ...],
    notes: Notes,
    origin: str,
    asked: str | None = None,
) -> LoadedDataset:
    """Set validation images apart, if asked to, and take the fingerprint: of `asked` (or the origin) and all parts."""
    train, test = split
    if settings.validation_fraction:
        train, validation = _set_apart(settings, train)
    parts = (train, test, calibration, *([validation] if validation else []))
    digits = fingerprint(asked or origin, *parts)
    return LoadedDataset(name, train, test, calibration, notes, digits, origin == "phantom", origin, validation)


def fingerprint(origin: str, *parts: tuple[Example, ...]) -> str:
    """Return 16 hex digits that change with any example, with its file's size, or with its part."""
    digest = hashlib.sha256(origin.encode())
    for part in parts:
        rows = [[e.id, e.width, e.height, e.box.as_list(), e.group, e.label, e.image.stat().st_size] for e in part]
        digest.update(json.dumps(rows).encode())
    return digest.hexdigest()[:16]


def _load_phantoms(settings: DatasetSettings, cache: Path) -> LoadedDataset:
    roots = phantom_roots(settings.name, settings.phantom, cache)
    split, notes = _read(settings, roots.main, cache, settings.phantom.test)
    calibration = _read_calibration(settings, roots.calibration, cache)
    return _assembled(settings, settings.name, split, (), calibration, notes, "phantom")


def _load_manifest(settings: DatasetSettings) -> LoadedDataset:
    header, parts, notes = read_parts(settings)
    if settings.validation_fraction and parts["validation"]:
        raise ValueError(
            f"dataset.validation_fraction={settings.validation_fraction}: {settings.manifest} names its validation "
            "images itself; drop the key."
        )
    split = parts["train"], parts["test"]
    _require_both(f"dataset.manifest={settings.manifest}", *split)
    if shared := leak(split):
        notes = (*notes, f"{header.name}: {100 * shared:.1f} % of test images share a group with training.")
    origin = "phantom" if header.origin == "phantom" else f"{header.origin}: {header.name}"
    asked = json.dumps([origin, header.name, header.target, header.prompt])
    return _assembled(settings, header.name, split, parts["validation"], (), notes, origin, asked)


def _set_apart(settings: DatasetSettings, train: tuple[Example, ...]) -> Split:
    """Divide the training examples into those that stay and those for validation; no group on both sides."""
    count = max(1, round(settings.validation_fraction * len(train)))
    rest, validation = grouped_split(train, count, settings.split_seed)
    if not rest or not validation:
        raise ValueError(
            f"dataset.validation_fraction={settings.validation_fraction} of {len(train)} training images leaves "
            f"{len(rest)} to train on and {len(validation)} to validate on; there must be some of both."
        )
    return rest, validation


def _read(settings: DatasetSettings, root: Path, cache: Path, n_test: int | None) -> tuple[Split, Notes]:
    """Training and test examples below `root`; a fifth is tested unless `n_test` says otherwise."""
    masks = MaskCache(root, cache)
    if settings.name == "tn3k":
        train, train_notes = read_tn3k(root, "trainval", settings.boxes, masks)
        test, test_notes = read_tn3k(root, "test", settings.boxes, masks)
        masks.save()
        return (tuple(train), tuple(test)), (*train_notes, *test_notes)
    examples, notes = _read_unsplit(settings, root, masks)
    split, split_notes = _split(settings, examples, fifth(len(examples)) if n_test is None else n_test)
    return split, (*notes, *split_notes)


def _read_unsplit(settings: DatasetSettings, root: Path, masks: MaskCache) -> tuple[list[Example], Notes]:
    if settings.name == "heel":
        return read_heel(root, settings.sidecar)
    found = read_ham10000(root, settings.boxes, masks)
    masks.save()
    return found


def _split(settings: DatasetSettings, examples: list[Example], n_test: int) -> tuple[Split, Notes]:
    seed = settings.split_seed
    if settings.name == "heel":
        return stratified_split(examples, n_test, seed), ()
    if fold := fold_of(settings.split):
        return fold_split(examples, *fold, seed), ()
    by_image = random_split(examples, n_test, seed)
    share = f"{100 * leak(by_image):.1f} % of test images share a lesion with training"
    if settings.split == "paper":
        return by_image, (f"ham10000: dataset.split=paper leaks, {share}; dataset.split=grouped does not.",)
    grouped = grouped_split(examples, n_test, seed)
    return grouped, (f"ham10000: split by lesion; under dataset.split=paper {share}.",)


def _read_calibration(settings: DatasetSettings, root: Path, cache: Path) -> tuple[Example, ...]:
    masks = MaskCache(root, cache)
    if settings.name == "tn3k":
        examples, _ = read_tn3k(root, "test", settings.boxes, masks)
        masks.save()
    else:
        examples, _ = _read_unsplit(settings, root, masks)
    return tuple(examples)


def _require_both(where: str, train: tuple[Example, ...], test: tuple[Example, ...]) -> None:
    for part, examples in (("training", train), ("test", test)):
        if not examples:
            raise ValueError(f"{where} leaves no {part} example; check its files and dataset.boxes.")
