"""From settings to examples: real files or phantoms, read by the same loaders, split and fingerprinted."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from medloc.data.example import Example
from medloc.data.files import require_root
from medloc.data.ham10000 import read_ham10000
from medloc.data.heel import read_heel
from medloc.data.mask_cache import MaskCache
from medloc.data.phantoms import phantom_roots
from medloc.data.splits import Split, fifth, grouped_split, leak, random_split, stratified_split
from medloc.data.tn3k import read_tn3k
from medloc.settings.dataset import DatasetSettings, check_dataset

Notes = tuple[str, ...]


@dataclass(frozen=True)
class LoadedDataset:
    """A data set, ready to use.

    Attributes:
        name: "ham10000", "tn3k" or "heel".
        train: Training examples, sorted by id.
        test: Test examples, sorted by id.
        calibration: Images apart from both, for tuning; phantoms only, empty for real data.
        notes: One line each on what was left out or should be known.
        fingerprint: 16 hex digits over all examples: ids, files' sizes, boxes, groups, classes, parts.
        synthetic: Whether these are phantoms.
        origin: "phantom" or "real: <folder name>".
    """

    name: str
    train: tuple[Example, ...]
    test: tuple[Example, ...]
    calibration: tuple[Example, ...]
    notes: Notes
    fingerprint: str
    synthetic: bool
    origin: str


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
    if settings.root is None:
        return _load_phantoms(settings, cache)
    root = require_root(Path(settings.root).expanduser())
    (train, test), notes = _read(settings, root, cache, None)
    _require_both(root, train, test)
    origin = f"real: {root.resolve().name}"
    return LoadedDataset(settings.name, train, test, (), notes, fingerprint(origin, train, test, ()), False, origin)


def fingerprint(origin: str, *parts: tuple[Example, ...]) -> str:
    """Return 16 hex digits that change with any example, with its file's size, or with its part."""
    digest = hashlib.sha256(origin.encode())
    for part in parts:
        rows = [[e.id, e.width, e.height, e.box.as_list(), e.group, e.label, e.image.stat().st_size] for e in part]
        digest.update(json.dumps(rows).encode())
    return digest.hexdigest()[:16]


def _load_phantoms(settings: DatasetSettings, cache: Path) -> LoadedDataset:
    roots = phantom_roots(settings.name, settings.phantom, cache)
    (train, test), notes = _read(settings, roots.main, cache, settings.phantom.test)
    calibration = _read_calibration(settings, roots.calibration, cache)
    name = settings.name
    return LoadedDataset(
        name,
        train,
        test,
        calibration,
        notes,
        fingerprint("phantom", train, test, calibration),
        True,
        "phantom",
    )


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


def _require_both(root: Path, train: tuple[Example, ...], test: tuple[Example, ...]) -> None:
    for part, examples in (("training", train), ("test", test)):
        if not examples:
            raise ValueError(f"dataset.root={root} leaves no {part} example; check its files and dataset.boxes.")
