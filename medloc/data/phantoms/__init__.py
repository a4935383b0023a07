"""Phantoms: synthetic images of three modalities, written to disk in the layouts of the real data sets.

They are made on first use, then kept. The folder's name holds everything that decides their content, so
that a changed count, seed or dial never meets old files.
"""

import dataclasses
import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from medloc.data.phantoms import dermoscopy, ultrasound, xray
from medloc.data.phantoms.write import Part, write_ham10000, write_heel, write_tn3k
from medloc.spec.dataset import PhantomSettings

GENERATOR = 3
"""Raised by hand whenever the drawing code changes what it draws."""

WRITERS = {
    "ham10000": (write_ham10000, dermoscopy),
    "tn3k": (write_tn3k, ultrasound),
    "heel": (write_heel, xray),
}


@dataclass(frozen=True)
class PhantomRoots:
    """Two data-set roots of the same layout: training and test images, and the calibration images apart."""

    main: Path
    calibration: Path


def phantom_roots(name: str, settings: PhantomSettings, cache: Path) -> PhantomRoots:
    """Return the phantoms of one data set, drawing them if `cache` does not hold them yet.

    They are drawn into a temporary folder that is renamed when complete, by one process at a time: a kill leaves no
    half-filled set, and what it does leave the next one removes.

    Args:
        name: "ham10000", "tn3k" or "heel".
        settings: Counts and seed.
        cache: Folder that holds all phantom sets.
    """
    folder = cache / f"{name}-{phantom_key(name, settings)}"
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(cache / f".{folder.name}.lock"):
            _make(name, settings, folder)
    return PhantomRoots(folder / "main", folder / "calibration")


def phantom_key(name: str, settings: PhantomSettings) -> str:
    """Return 12 hex digits that stand for everything the phantoms of one data set depend on."""
    dials = dataclasses.asdict(WRITERS[name][1].DIALS)
    counts = {key: getattr(settings, key) for key in ("train", "test", "calibration", "seed")}
    content = json.dumps([name, GENERATOR, counts, dials], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:12]


def _draw(name: str, settings: PhantomSettings, folder: Path) -> None:
    write = WRITERS[name][0]
    (folder / "SYNTHETIC.txt").write_text("Phantoms drawn by medloc: no patient, no lesion, no foot is real.\n")
    write(folder / "main", Part(0, settings.train, settings.test, settings.seed))
    write(folder / "calibration", Part(1, 0, settings.calibration, settings.seed))


def _make(name: str, settings: PhantomSettings, folder: Path) -> None:
    """Draw into a scratch folder and rename it; whoever held the lock before may have come to its end."""
    scratch = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(scratch, ignore_errors=True)
    if folder.exists():
        return
    scratch.mkdir()
    try:
        _draw(name, settings, scratch)
        scratch.rename(folder)
    except OSError:
        if not folder.exists():  # where locks do not hold, another process may have been faster; its folder is the same
            raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
