"""What there is to say about a manifest: sizes, quirks, leaks, and the counts of the paper's Table 5."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from tqdm import tqdm

from medloc.data.images import open_image
from medloc.data.manifests.leaks import counts, leaks
from medloc.data.manifests.manifest import Manifest, ManifestRow
from medloc.data.manifests.parts import trained_by
from medloc.data.problems import Problems


def statement(manifest: Manifest, root: Path, problems: Problems) -> Iterator[str]:
    """Yield the report on a manifest, line by line.

    Args:
        manifest: What was read or prepared.
        root: The data folder, resolved.
        problems: What was found on the way; its quirks are told.
    """
    header, rows = manifest.header, manifest.rows
    boxes = [len(row.boxes) for row in rows]
    yield f"{header.name} ({header.origin}): {len(rows)} images, {sum(boxes)} boxes of the {header.target}"
    without, several = boxes.count(0), sum(count > 1 for count in boxes)
    yield f"  {without} images without a target (kept, not trained on), {several} with several boxes"
    for quirk, count in sorted(problems.quirks.items()):
        if count:
            yield f"  {count} {quirk}"
    given = any(row.split for row in rows)
    divided = trained_by(rows)
    yield ""
    yield "parts: " + (
        "as given" if given else "none given; below, as medloc.run would divide the images with a target"
    )
    yield from _table(counts(divided))
    yield ""
    present = [row for row in divided if (root / row.image).is_file()]
    yield from leaks(root, present).lines()
    if all(row.group == row.id for row in rows):
        yield "every image is a group of its own: no lesion or patient is named, so that leaks of these cannot be seen"


def decode_all(manifest: Manifest, root: Path, problems: Problems) -> None:
    """Decode every image: finds those whose header is whole and whose rest is not."""
    rows: Sequence[ManifestRow] = manifest.rows
    for row in tqdm(rows, desc="decoding images", unit="image", disable=None, leave=False, delay=2):
        with problems.collected():
            open_image(root / row.image)


def _table(cells: list[list[str]]) -> Iterator[str]:
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    for line in cells:
        numbers = (cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True))
        yield "  ".join([line[0].ljust(widths[0]), *numbers])
