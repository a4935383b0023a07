"""From settings to examples: real files or phantoms, read by the same code, split and fingerprinted."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from medloc.data.example import Coding, DataSet, Example, Notes
from medloc.data.files import FileCache, Problems, content_hash, require_folder
from medloc.data.formats.masks import READING, Mask, MaskCache, choose_boxes, rows_of_pairs
from medloc.data.manifest import PARTS, ManifestRow, check_files, data_folder, read_manifest
from medloc.data.sets import SETS, check_set
from medloc.data.splits import Split, fifth, fold_of, fold_split, grouped_split, leak
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
    loaded = LoadedDataset(kind.name, *split, (), notes, "", False, f"real: {root.resolve().name}")
    return _finished(loaded, settings, lambda parts: _of_content(parts, root, cache))


def fingerprint(
    parts: Mapping[str, Sequence[Example]], hash_of: Callable[[Path], str], question: Sequence[object] = ()
) -> str:
    """Return 16 hex digits of everything that a data set puts into a result.

    These are the bytes of its images and masks, its ids, boxes, groups and classes, who is in which part, the version
    of the code that reads masks, and the question. Names of files and folders are not among them.

    Args:
        parts: Part -> examples, in order.
        hash_of: Gives the hash of a file's bytes.
        question: Target, prompt and coding of masks, where a manifest says them.
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


def _finished(
    loaded: LoadedDataset, settings: DatasetSettings, take: Callable[[Mapping[str, Sequence[Example]]], str]
) -> LoadedDataset:
    """Set validation images apart, if asked to, and take the fingerprint."""
    if settings.validation_fraction:
        train, validation = _set_apart(settings, loaded.train)
        loaded = replace(loaded, train=train, validation=validation)
    parts = {part: getattr(loaded, part) for part in ("calibration", "train", "test", "validation")}
    return replace(loaded, fingerprint=take(parts))


def _of_content(
    parts: Mapping[str, Sequence[Example]], root: Path, cache: Path, question: Sequence[object] = ()
) -> str:
    """Take the fingerprint by the content of files, each hashed once as long as it is the same."""
    hashes = FileCache("hashes", 1, root, cache)
    digits = fingerprint(parts, lambda path: str(hashes.get(path, content_hash)), question)
    hashes.save()
    return digits


def _load_phantoms(kind: DataSet, settings: DatasetSettings, cache: Path) -> LoadedDataset:
    if kind.phantoms is None:
        raise ValueError(f"dataset={kind.name} has no phantoms; dataset.root=FOLDER says where its images are.")
    roots, recipe = kind.phantoms.roots(settings.phantom, cache), kind.phantoms.folder_name(settings.phantom)
    split, notes = _read_split(kind, settings, roots.main, cache, settings.phantom.test)
    calibration, _ = read_part(kind, settings, roots.calibration, cache, kind.parts.get("test", ""))
    loaded = LoadedDataset(kind.name, *split, tuple(calibration), notes, "", True, "phantom")
    return _finished(loaded, settings, lambda parts: phantom_fingerprint(recipe, parts))


def _load_manifest(settings: DatasetSettings, cache: Path) -> LoadedDataset:
    path, problems = Path(settings.manifest or "").expanduser(), Problems()
    manifest = read_manifest(path, problems)
    header, root = manifest.header, data_folder(path, manifest.header, settings.root)
    check_files(path, manifest, root, problems)
    problems.raise_first(f"`python -m medloc.data check {path}` shows all errors.")
    coding, left_out = Coding(header.foreground, header.invert), Counter[str]()
    examples = examples_of(manifest.rows, root, settings.boxes, coding, left_out)
    parts, notes = _parts(manifest.rows, examples, settings), _summary(header.name, left_out)
    if settings.validation_fraction and parts["validation"]:
        raise ValueError(
            f"dataset.validation_fraction={settings.validation_fraction}: {settings.manifest} names its validation "
            "images itself; drop the key."
        )
    split = parts["train"], parts["test"]
    _require_both(f"dataset.manifest={settings.manifest}", split)
    if shared := leak(split):
        notes = (*notes, f"{header.name}: {100 * shared:.1f} % of test images share a group with training.")
    drawn = header.origin == "phantom"
    origin = "phantom" if drawn else f"{header.origin}: {header.name}"
    loaded = LoadedDataset(header.name, *split, (), notes, "", drawn, origin, parts["validation"])
    said = [header.foreground, header.invert] if header.foreground or header.invert else []
    question = [header.target, header.prompt, *said]
    return _finished(loaded, settings, lambda parts: _of_content(parts, root, cache, question))


def examples_of(
    rows: Sequence[ManifestRow], root: Path, rule: str, coding: Coding, left_out: Counter[str]
) -> list[Example]:
    """Return the examples of images under `dataset.boxes=rule` and count in `left_out` what gives none.

    The ids of several boxes of one image are numbered.
    """
    examples = []
    for row in rows:
        areas = row.areas or tuple(round(box.area) for box in row.boxes)
        boxes = choose_boxes(Mask(row.width, row.height, row.boxes, areas), rule)
        if not boxes:
            several = "images with several boxes (dataset.boxes=single)"
            left_out[several if row.boxes else "images without a target"] += 1
        mask = root / row.masks[0] if len(row.masks) == 1 else None
        names = [row.id] if len(boxes) == 1 else [f"{row.id}#{i}" for i in range(len(boxes))]
        examples += [
            Example(name, root / row.image, row.width, row.height, box, row.group, row.label, mask, coding)
            for name, box in zip(names, boxes, strict=True)
        ]
    return examples


def _summary(what: str, left_out: Counter[str]) -> Notes:
    """Return the counts of what was left out as one line, or no line."""
    counts = ", ".join(f"{count} {reason}" for reason, count in sorted(left_out.items()) if count)
    return (f"{what}: left out {counts}.",) if counts else ()


def _parts(
    rows: Sequence[ManifestRow], examples: list[Example], settings: DatasetSettings
) -> dict[str, tuple[Example, ...]]:
    if fold := fold_of(settings.split):
        train, test = fold_split(examples, *fold, settings.split_seed)
        return {"train": train, "validation": (), "test": test}
    if settings.split == "grouped" or not any(row.split for row in rows):
        train, test = grouped_split(examples, fifth(len(examples)), settings.split_seed)
        return {"train": train, "validation": (), "test": test}
    part_of = {row.id: row.split for row in rows}
    parts: dict[str, list[Example]] = {part: [] for part in PARTS}
    for example in sorted(examples, key=lambda one: one.id):
        split = part_of.get(example.id) or part_of[example.id.rpartition("#")[0]]
        parts[str(split)].append(example)
    return {name: tuple(part) for name, part in parts.items()}


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
        train, train_notes = read_part(kind, settings, root, cache, kind.parts["train"])
        test, test_notes = read_part(kind, settings, root, cache, kind.parts["test"])
        return (tuple(train), tuple(test)), (*train_notes, *test_notes)
    examples, notes = read_part(kind, settings, root, cache, "")
    split, split_notes = kind.split(settings, examples, fifth(len(examples)) if n_test is None else n_test)
    return split, (*notes, *split_notes)


def read_part(
    kind: DataSet, settings: DatasetSettings, root: Path, cache: Path, part: str
) -> tuple[list[Example], Notes]:
    """Return the examples of one part of the files ("" where they name none), and one line on what is left out."""
    problems, coding = Problems(), Coding(known=True)
    if kind.read:
        rows = kind.read(root, settings, problems)
    else:
        masks = MaskCache(root, cache, coding)
        pairs, left_out = kind.pairs(root, part) if kind.pairs else ([], Counter[str]())
        problems.quirks.update(left_out)
        rows = rows_of_pairs(root, pairs, None, masks, problems, checked=False)
        masks.save()
    problems.raise_first()
    left_out = problems.quirks
    return examples_of(rows, root, settings.boxes, coding, left_out), _summary(f"{kind.name} {part}".strip(), left_out)


def _require_both(where: str, split: Split[Example]) -> None:
    for part, examples in zip(("training", "test"), split, strict=True):
        if not examples:
            raise ValueError(f"{where} leaves no {part} example; check its files and dataset.boxes.")
