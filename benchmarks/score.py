"""Time and peak memory of `medloc.score`; the memory must not grow with the number of lines.

python -m benchmarks.score --samples 1000000
"""

import argparse
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.output import show, write
from medloc.boxes import Box
from medloc.evaluation.samples import Sample, write_samples


def fill(path: Path, samples: int) -> None:
    """Write a file of so many answers that differ only in their id."""
    truth, box = Box(10, 10, 60, 60), Box(12, 10, 62, 60)
    ends = ("lesion", "mel", 600, 450, "resized", 126, 98, truth, "[12, 10, 62, 60]", box, None, 0.0)
    write_samples(path, (Sample(str(index), *ends) for index in range(samples)))


def measured(path: Path) -> tuple[float, float]:
    """Return the seconds and the peak memory in 10^6 bytes of one scoring process; the largest child so far counts."""
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-m", "medloc.score", str(path)], capture_output=True, check=False)
    return time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.score", description=__doc__)
    parser.add_argument("--samples", type=int, default=1_000_000, help="answers of the largest file")
    options = parser.parse_args()
    found = {}
    with TemporaryDirectory() as folder:
        for samples in (options.samples // 100, options.samples // 10, options.samples):  # rising, as the peak must
            fill(Path(folder) / "samples.jsonl", samples)
            found[samples] = measured(Path(folder) / "samples.jsonl")
    show(["answers", "seconds", "peak MB"], [[samples, *each] for samples, each in found.items()])
    write("score", {"options": vars(options), "found": found})


if __name__ == "__main__":
    main()
