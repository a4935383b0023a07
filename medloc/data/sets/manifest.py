"""A manifest becomes examples: boxes chosen, images without one left out and counted, parts as its rows say."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from medloc.data.example import DataSet, Example
from medloc.data.files import inside, progress, require_folder
from medloc.data.formats.masks import Mask, choose_boxes, examples_of, summary
from medloc.data.images import image_size
from medloc.data.manifest import PARTS, Header, Manifest, ManifestRow, read_manifest
from medloc.data.splits import fifth, fold_of, fold_split, grouped_split
from medloc.data.untrusted import Problems
from medloc.spec.dataset import DatasetSettings

Parts = dict[str, tuple[Example, ...]]

DATASET = DataSet("manifest", "own data", ("manifest", "grouped"), folds=True)


def read_parts(settings: DatasetSettings) -> tuple[Header, Path, Parts, tuple[str, ...]]:
    """Return header, data folder, part -> its examples sorted by id, and one line on what was left out.

    Raises:
        ValueError: Names the manifest's first line that cannot be used, or the manifest.
    """
    path, problems = Path(settings.manifest or "").expanduser(), Problems()
    manifest = read_manifest(path, problems)
    root = data_folder(path, manifest.header, settings.root)
    check_files(path, manifest, root, problems)
    problems.raise_first(f"`python -m medloc.data check {path}` shows all errors.")
    left_out: Counter[str] = Counter()
    examples = [example for row in manifest.rows for example in _examples(row, root, settings.boxes, left_out)]
    parts = _parts(manifest.rows, examples, settings)
    return manifest.header, root, parts, summary(manifest.header.name, left_out)


def data_folder(manifest: Path, header: Header, given: str | None = None) -> Path:
    """Return the folder that the paths of a manifest are relative to, resolved: the given one or the header's.

    Raises:
        FileNotFoundError: There is no such folder; the message names the key.
    """
    root = Path(given).expanduser() if given else manifest.parent / header.root
    key = f"dataset.root={given}" if given else f"{manifest} line 1: root {header.root}"
    message = f"{key} is not a folder; dataset.root=FOLDER says where the images are now."
    return require_folder(root, message).resolve()


def check_files(path: Path, manifest: Manifest, root: Path, problems: Problems) -> Manifest:
    """Return the manifest without the rows whose image is not below the data folder, does not open or has another size.

    Args:
        path: The manifest's file, for errors.
        manifest: As read.
        root: The data folder, resolved.
        problems: Takes an error for every such row.
    """
    good = []
    rows = progress(manifest.rows, "reading images")
    for number, row in zip(manifest.lines, rows, strict=True):
        with problems.collected(f"{path} line {number}"):
            size = image_size(inside(root, row.image))
            if size != (row.width, row.height):
                raise ValueError(
                    f"{row.image} has {size[0]}x{size[1]} px, the manifest says {row.width}x{row.height}; prepare it "
                    "again."
                )
            for mask in row.masks:
                inside(root, mask)
            good.append((number, row))
    return Manifest(manifest.header, tuple(row for _, row in good), tuple(number for number, _ in good))


def _examples(row: ManifestRow, root: Path, rule: str, left_out: Counter[str]) -> list[Example]:
    """Return the examples of one image under `dataset.boxes=rule`; counts in `left_out` what gives none."""
    areas = row.areas or tuple(round(box.area) for box in row.boxes)
    boxes = choose_boxes(Mask(row.width, row.height, row.boxes, areas), rule)
    if not boxes:
        left_out["images with several boxes (dataset.boxes=single)" if row.boxes else "images without a target"] += 1
    mask = root / row.masks[0] if len(row.masks) == 1 else None
    return examples_of(row.id, root / row.image, (row.width, row.height), boxes, row.group, row.label, mask)


def _parts(rows: Sequence[ManifestRow], examples: list[Example], settings: DatasetSettings) -> Parts:
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
