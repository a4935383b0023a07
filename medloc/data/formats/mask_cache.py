"""Remember what masks contain: reading the 10,015 of HAM10000 takes a minute, looking them up takes none."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from medloc.boxes import Box
from medloc.data.formats.mask import Mask, read_mask
from medloc.runs.atomic import atomic_writer


class MaskCache:
    """Reads the masks below `root`, each once as long as its size and modification time stay the same."""

    def __init__(self, root: Path, folder: Path, read: Callable[[Path], Mask] = read_mask):
        """Load what `folder` remembers of `root`; a damaged memory is forgotten."""
        digest = hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:12]
        self._root, self._file, self._read = root, folder / f"masks-{digest}.json", read
        self._changed = False
        try:
            self._known: dict[str, list[Any]] = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            self._known = {}

    def __call__(self, path: Path) -> Mask:
        """Return what the mask file at `path` contains."""
        stat = path.stat()
        key = f"{path.relative_to(self._root).as_posix()}|{stat.st_size}|{stat.st_mtime_ns}"
        if key not in self._known:
            mask = self._read(path)
            self._changed = True
            self._known[key] = [
                mask.width,
                mask.height,
                [box.as_list() for box in mask.boxes],
                list(mask.areas),
            ]
        width, height, boxes, areas = self._known[key]
        return Mask(width, height, tuple(Box(*box) for box in boxes), tuple(areas))

    def save(self) -> None:
        """Write the memory if it grew, at once or not at all."""
        if not self._changed:
            return
        with atomic_writer(self._file) as file:
            json.dump(self._known, file)
