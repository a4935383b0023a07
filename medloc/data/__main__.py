"""Prepare, check, show and export manifests: `python -m medloc.data`."""

import argparse
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from medloc.boxes import Box
from medloc.cli import entry
from medloc.data.example import Coding, Example
from medloc.data.files import Problems, require_folder
from medloc.data.formats import CORNERS, ORDERS
from medloc.data.formats.masks import MaskCache
from medloc.data.images import COLUMNS, boxes_sheet
from medloc.data.load import load_dataset
from medloc.data.manifest import (
    EXPORTS,
    PARTS,
    Manifest,
    check_files,
    data_folder,
    export,
    read_manifest,
    write_manifest,
)
from medloc.data.prepare import SPLITS, Wishes, decode_all, group_warning, prepare, statement
from medloc.data.prompts import question_for
from medloc.data.rows import KINDS, UNITS, Source
from medloc.data.sets import SETS
from medloc.spec.machine import CHECKOUT

DRAWN = tuple(name for name, one in SETS.items() if one.phantoms)
ERRORS, MISTAKE, STOPPED = 1, 2, 130

Item = TypeVar("Item")

EPILOG = """\
examples:
  python -m medloc.data prepare /data/HAM10000                     as downloaded from Harvard, Kaggle or ISIC
  python -m medloc.data prepare /data/busi --target 'breast lesion'    images and masks: BUSI, Kvasir-SEG, your own
  python -m medloc.data prepare /data/heel --kind voc --annotations /data/heel/xml
  python -m medloc.data prepare /data/own --kind csv --target fracture --table patients.csv --split grouped
  python -m medloc.data prepare /data/polyps --target polyp --foreground 1        masks hold 0, 1 and 2
  python -m medloc.data show /data/own/manifest.jsonl --beside ham10000    real images above, our phantoms below
  python -m medloc.run dataset=manifest dataset.manifest=/data/own/manifest.jsonl

A manifest is one JSON line for the data set and one for each image; docs/formats.md describes it, docs/data.md walks
from masks to a training run. Nothing is copied or changed but the manifest.

exit status: 0 done, 1 errors in the data (all are shown), 2 a mistake in the command.
"""


@entry("data", "nothing was written.")
def main(arguments: list[str]) -> int:
    """Run the command line and return its exit status."""
    given = _parser().parse_args(arguments)
    status: int = given.do(given)
    return status


def _parser() -> argparse.ArgumentParser:
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="python -m medloc.data",
        description="Images and boxes of any form become one manifest, from which medloc.run trains.",
        epilog=EPILOG,
        formatter_class=shape,
    )
    commands = parser.add_subparsers(required=True, metavar="prepare | check | show | export")
    _prepare_parser(commands.add_parser("prepare", help="read a folder, write its manifest", formatter_class=shape))
    check = commands.add_parser("check", help="errors by line, leaks, counts of a manifest")
    check.add_argument("--decode", action="store_true", help="decode every image, not only its header (minutes)")
    check.set_defaults(do=_check)
    show = commands.add_parser("show", help="a contact sheet of boxes drawn on images")
    show.add_argument("--out", type=Path, metavar="PNG", help="where to (default: beside the manifest)")
    show.add_argument("--beside", choices=DRAWN, help="below them as many phantoms of this set")
    show.add_argument("--count", type=_count, default=24, metavar="N", help="images, evenly spaced (default: 24)")
    show.set_defaults(do=_show)
    exporting = commands.add_parser("export", help="the same for other tools")
    exporting.add_argument("--to", required=True, choices=EXPORTS)
    exporting.add_argument("--out", required=True, type=Path, metavar="FILE")
    exporting.add_argument("--part", choices=PARTS, help="only these images (default: all)")
    exporting.add_argument(
        "--inclusive", action="store_true", help="vlm_r1: the max corner is the last pixel inside, as the paper prints"
    )
    exporting.set_defaults(do=_export)
    for command in (check, show, exporting):
        command.add_argument("manifest", type=Path)
        command.add_argument("--root", help="the folder of the images, if not the one that the manifest names")
    return parser


def _prepare_parser(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("folder", type=Path, help="the data folder; no path of the manifest leaves it")
    add("--out", type=Path, metavar="FILE", help="the manifest (default: FOLDER/manifest.jsonl)")
    add("--kind", choices=("auto", *KINDS), default="auto", help="how the boxes come (default: look)")
    add("--annotations", type=Path, metavar="PATH", help="table, COCO file, or folder of label files or masks")
    add("--images", type=Path, metavar="PATH", help="folder of the images (default: all that are no masks)")
    add("--target", help="what is looked for, such as 'breast lesion'; known for the paper's three sets")
    add("--prompt", help="the whole question; {target} stands for the target (default: made from the target)")
    add("--name", help="short name (default: the folder's)")
    add("--only", action="append", default=[], metavar="CLASS", help="boxes of this class count (repeat)")
    add("--corners", choices=CORNERS, default="half-open", help="what the max corner of a box is in VOC, COCO, csv")
    add("--others", choices=("out", "negative"), default="out", help="images with other classes or crowds only")
    add("--units", choices=UNITS, help="of boxes in VOC, COCO, csv (default: px; what looks like shares is refused)")
    add("--order", choices=ORDERS, help="of a box's numbers in COCO, csv, YOLO (default: the form's own)")
    add("--foreground", default="", help="VALUE, COLOUR, nonzero or alpha (default: white, or 1)")
    add("--invert", action="store_true", help="that is the background of the masks")
    add("--min-area", type=_count, default=1, metavar="PX", help="smallest component that counts (default: 1)")
    add("--folder-classes", action="store_true", help="the folder of an image is its class")
    add("--group", type=_pattern, metavar="REGEX", help=r"lesion or patient in the id: '^(\d+)_' is 13 of 13_2")
    add("--table", type=Path, metavar="CSV", help="columns file and any of label, group, split")
    add("--split", choices=tuple(SPLITS), default="found", help="; ".join(f"{k}: {v}" for k, v in SPLITS.items()))
    add("--split-seed", type=int, default=0, metavar="N", help="seed of a split that is made (default: 0)")
    add("--leave-out", action="store_true", help="write the manifest without the images that have errors")
    add("--cache", type=Path, default=CHECKOUT / "results" / ".cache", help="where boxes read from masks are kept")
    parser.set_defaults(do=_prepare)


def _prepare(given: argparse.Namespace) -> int:
    root = given.folder.expanduser()
    root = require_folder(root, f"{root} is not a folder; the data folder must be one.").resolve()
    out = given.out or root / "manifest.jsonl"
    annotations, images = (path and path.expanduser().resolve() for path in (given.annotations, given.images))
    if images and not images.is_relative_to(root):
        raise ValueError(f"--images {images} must lie in the data folder {root}; name a folder around both.")
    coding = Coding(given.foreground, given.invert, given.min_area)
    same = {key: getattr(given, key) for key in ("kind", "corners", "folder_classes", "units", "order")}
    others = given.others == "negative"
    source = Source(root, annotations=annotations, images=images, only=tuple(given.only), others=others, **same)
    source = replace(source, coding=coding)
    wishes = Wishes(given.name, given.target, given.prompt, given.group, given.table, given.split, given.split_seed)
    problems, masks = Problems(), MaskCache(root, given.cache, coding)
    manifest = prepare(source, wishes, masks, problems)
    masks.save()
    writes = not problems.count or (given.leave_out and bool(manifest.rows))
    if writes:
        write_manifest(out, replace(manifest, header=replace(manifest.header, root=_root(root, out))))
    print("\n".join(statement(manifest, root, problems)))
    if given.group and (warning := group_warning(manifest.rows, given.group.pattern)):
        print(f"medloc.data: {warning}", file=sys.stderr)
    _show_errors(problems)
    if not writes:
        print("medloc.data: nothing is written; --leave-out writes the manifest without these images.", file=sys.stderr)
        return ERRORS
    print(f"\nwritten: {out}\nnext:    python -m medloc.data show {out}")
    print(f"         python -m medloc.run dataset=manifest dataset.manifest={out}")
    return ERRORS if problems.count else 0


def _check(given: argparse.Namespace) -> int:
    manifest, root, problems = _read(given)
    manifest = check_files(given.manifest, manifest, root, problems)
    if given.decode:
        decode_all(manifest, root, problems)
    print("\n".join(statement(manifest, root, problems)))
    _show_errors(problems)
    return ERRORS if problems.count else 0


def _show(given: argparse.Namespace) -> int:
    manifest, root = _usable(given)
    out = _apart(given.manifest, given.out or given.manifest.with_suffix(".png"))
    rows = _spread(manifest.rows, given.count)
    shown: list[tuple[Path, Sequence[Box]]] = [(root / row.image, row.boxes) for row in rows]
    for row in rows:
        print(f"{row.id}: {len(row.boxes) or 'no'} box{'es' * (len(row.boxes) != 1)} {row.label}".rstrip())
    if given.beside:
        shown = shown[: max(1, len(shown) // COLUMNS) * COLUMNS]
        drawn = [(one.image, (one.box,)) for one in _spread(_phantoms(given.beside), len(shown))]
        print(
            f"\nthe first {len(shown)} tiles are of the manifest, the other {len(drawn)} are phantoms of {given.beside}"
        )
        shown += drawn
    boxes_sheet(shown, out)
    print(f"\nwritten: {out}")
    return 0


def _spread(items: Sequence[Item], count: int) -> list[Item]:
    """Take so many, evenly spaced; all where there are fewer."""
    count = min(count, len(items))
    return [items[i * len(items) // count] for i in range(count)]


def _phantoms(dataset: str) -> Sequence[Example]:
    """Return the test phantoms that stand in for a data set, drawn if need be."""
    from medloc.spec.compose import compose_job  # Hydra is imported here

    settings = compose_job([f"dataset={dataset}"]).settings
    return load_dataset(settings.dataset, Path(settings.cache)).test


def _export(given: argparse.Namespace) -> int:
    manifest, _ = _usable(given)
    _apart(given.manifest, given.out)
    if given.part:
        rows = tuple(row for row in manifest.rows if row.split == given.part)
        manifest = replace(manifest, rows=rows)
    left_out = export(manifest, given.to, given.out, question_for(manifest.header), given.inclusive)
    print(f"written: {given.out}, {len(manifest.rows) - left_out} images")
    if left_out:
        print(f"left out: {left_out} images without a target")
    return 0


def _read(given: argparse.Namespace) -> tuple[Manifest, Path, Problems]:
    problems = Problems()
    manifest = read_manifest(given.manifest, problems)
    return manifest, data_folder(given.manifest, manifest.header, given.root), problems


def _usable(given: argparse.Namespace) -> tuple[Manifest, Path]:
    """Read a manifest that has to be free of errors."""
    manifest, root, problems = _read(given)
    check_files(given.manifest, manifest, root, problems)
    problems.raise_first(f"`python -m medloc.data check {given.manifest}` shows all errors.")
    if not manifest.rows:
        raise ValueError(f"{given.manifest}: has no image.")
    return manifest, root


def _apart(manifest: Path, out: Path) -> Path:
    if out.resolve() == manifest.resolve():
        raise ValueError(f"--out {out} is the manifest itself; name another file.")
    return out


def _show_errors(problems: Problems) -> None:
    more = problems.count - len(problems.errors)
    lines = [*problems.errors, *([f"... and {more} more"] if more else [])]
    if problems.count:
        print(*lines, f"medloc.data: {problems.count} error{'s' * (problems.count > 1)}.", sep="\n", file=sys.stderr)


def _root(root: Path, out: Path) -> str:
    """Write the data folder relative to a manifest at or above it, so that both can move together."""
    folder = out.resolve().parent
    return os.path.relpath(root, folder).replace(os.sep, "/") if root.is_relative_to(folder) else str(root)


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"{text} is no pattern ({error})") from None


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError(f"{text} must be a whole number from 1 to 1000")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
