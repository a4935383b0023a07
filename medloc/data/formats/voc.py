"""PASCAL VOC's label files, as LabelImg and CVAT write them: one XML per image, one <object> per box, in px."""

from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml.ElementTree import fromstring

from medloc.boxes import Box
from medloc.data.formats import Annotation, Form
from medloc.data.untrusted import BOXES, SIDECAR, Problems, limited_bytes, limited_text


def read_voc(path: Path, problems: Problems) -> Annotation:
    """Read one label file; one without objects says that there is none.

    The image is found by the name of the file: the <filename> inside is often that of a copy long gone.
    """
    boxes: list[tuple[str, Box]] = []
    size: tuple[int, int] | None = None
    before = problems.count
    with problems.collected(str(path)):
        tree = _tree(path)
        size = _size(tree)
        objects = tree.findall("object")
        if len(objects) > BOXES:
            raise ValueError(f"more than {BOXES} boxes.")
        for number, one in enumerate(objects, start=1):
            with problems.collected(f"{path} object {number}"):
                boxes.append((limited_text((one.findtext("name") or "").strip(), "name"), _box(one)))
    broken = problems.count > before
    return Annotation(str(path), str(path), () if broken else tuple(boxes), size=size, broken=broken)


def voc_begins(path: Path) -> bool:
    """Tell whether an XML file looks like one of these, without reading it as XML."""
    with path.open("rb") as file:
        return b"<annotation" in file.read(4096)


def _tree(path: Path) -> Element:
    content = limited_bytes(path, SIDECAR)
    try:
        tree: Element = fromstring(content, forbid_dtd=True)
    except ParseError as error:
        raise ValueError(f"is not XML ({error}).") from None
    except (ValueError, LookupError) as error:  # defusedxml's refusals, an encoding that does not exist
        raise ValueError(f"refused: {type(error).__name__}; a label file declares no entities.") from None
    if tree.tag != "annotation":
        raise ValueError(f"begins with <{tree.tag[:80]}>; a VOC file begins with <annotation>.")
    return tree


def _size(tree: Element) -> tuple[int, int] | None:
    """The size that the boxes were drawn on; some tools write 0 for a size that they did not know."""
    texts = [tree.findtext(f"size/{side}") for side in ("width", "height")]
    try:
        width, height = (int(float(text or 0)) for text in texts)
    except (ValueError, OverflowError):
        raise ValueError(f"size {'x'.join(str(text)[:20] for text in texts)} is not two numbers.") from None
    return (width, height) if width > 0 and height > 0 else None


def _box(one: Element) -> Box:
    texts = [one.findtext(f"bndbox/{corner}") for corner in ("xmin", "ymin", "xmax", "ymax")]
    try:
        return Box(*(float(text or "") for text in texts))
    except ValueError:
        raise ValueError("bndbox must have xmin, ymin, xmax, ymax, four numbers.") from None


FORM = Form(".xml", voc_begins, lambda files, _, problems: (read_voc(path, problems) for path in files), False)
