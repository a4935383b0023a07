"""Phantoms: synthetic images of three modalities, written to disk in the layouts of the real data sets.

They are drawn on first use, then kept. The folder's name holds everything that decides their content, so that a
changed count, seed or dial never meets old files. Every image has a generator of its own, seeded by (seed, stream,
part, number): an image does not depend on how many others there are or in which order they are drawn.
"""

import csv
import dataclasses
import hashlib
import json
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from medloc.spec.dataset import PhantomSettings

GENERATOR = 3
"""Raised by hand whenever the drawing code changes what it draws."""

LESIONS, PLAN = 3, 4
"""Streams of random numbers; 0, 1 and 2 are those of the modalities."""


@dataclass(frozen=True)
class Part:
    """One root to write: its number (0 main, 1 calibration), how many images, and the phantom seed."""

    number: int
    train: int
    test: int
    seed: int

    def rng(self, stream: int, index: int) -> np.random.Generator:
        """Return the generator of one image, lesion or plan."""
        return np.random.default_rng((self.seed, stream, self.number, index))


@dataclass(frozen=True)
class PhantomRoots:
    """Two data-set roots of the same layout: training and test images, and the calibration images apart."""

    main: Path
    calibration: Path


@dataclass(frozen=True)
class Phantoms:
    """The phantoms of one data set.

    Attributes:
        name: The data set.
        write: Writes one part below a folder.
        dials: A dataclass of what makes them hard.
    """

    name: str
    write: Callable[[Path, Part], None]
    dials: Any

    def folder_name(self, settings: PhantomSettings) -> str:
        """Return the name of their folder, with 12 hex digits that stand for all on which their content depends."""
        counts = {key: getattr(settings, key) for key in ("train", "test", "calibration", "seed")}
        content = json.dumps([self.name, GENERATOR, counts, dataclasses.asdict(self.dials)], sort_keys=True)
        return f"{self.name}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"

    def roots(self, settings: PhantomSettings, cache: Path) -> PhantomRoots:
        """Return the folders of the phantoms, drawing them if `cache` does not hold them yet.

        They are drawn into a temporary folder that is renamed when complete, by one process at a time. A killed
        process leaves no half-filled set; what it leaves, the next one removes.
        """
        folder = cache / self.folder_name(settings)
        if not folder.exists():
            cache.mkdir(parents=True, exist_ok=True)
            with FileLock(cache / f".{folder.name}.lock"):
                self._make(settings, folder)
        return PhantomRoots(folder / "main", folder / "calibration")

    def _make(self, settings: PhantomSettings, folder: Path) -> None:
        scratch = folder.with_name(f".{folder.name}.tmp")
        shutil.rmtree(scratch, ignore_errors=True)
        if folder.exists():  # the process that held the lock before has drawn them
            return
        scratch.mkdir()
        try:
            (scratch / "SYNTHETIC.txt").write_text(
                "Phantoms drawn by medloc: no patient, no lesion, no foot is real.\n"
            )
            self.write(scratch / "main", Part(0, settings.train, settings.test, settings.seed))
            self.write(scratch / "calibration", Part(1, 0, settings.calibration, settings.seed))
            scratch.rename(folder)
        except OSError:
            if not folder.exists():  # where locks do not hold, another process may have been faster
                raise
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def make_folder(path: Path) -> Path:
    """Make a folder that is not there yet and return it."""
    path.mkdir(parents=True)
    return path


def write_table(path: Path, rows: Iterable[tuple[object, ...]]) -> None:
    """Write rows as a csv file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
