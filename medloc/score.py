"""`python -m medloc.score`: score a samples.jsonl again from its texts alone."""

import json
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

from medloc.boxes import AnswerGrid, ParseFailure
from medloc.cli import entry
from medloc.evaluation.metrics import Metrics, Tally
from medloc.evaluation.samples import Sample, read_samples
from medloc.rewards.base import Answer, judge

HELP = """\
python -m medloc.score SAMPLES

Scores a run again from its samples.jsonl alone: parses every answer's text, maps the box from the answer's
grid to pixels of the original image, recomputes the IoU, and prints the metrics as one line of JSON, as
fractions:

  {"n", "a50", "a80", "map", "mean_iou", "parse_rate"}

  a50, a80    share of images with IoU >= 0.5, >= 0.8
  map         mean share over the thresholds 0.50, 0.55 ... 0.95
  parse_rate  share of answers that hold a box

No GPU and no torch; any number of lines in the same memory.

Example:
  python -m medloc.score results/runs/0123456789abcdef/samples.jsonl

Exit status: 0 all agree, 1 a stored iou disagrees with its text (count and first few on standard error),
             2 the file is missing or a line of it is bad (named by its number).
"""

SHOWN = 5
TOLERANCE = 1e-9  # stored IoUs have 6 decimals: anything beyond the noise of a float is a disagreement


@dataclass
class Disagreements:
    """The number of stored IoUs that differ from those recomputed from the texts, and a line on the first few."""

    count: int = 0
    shown: list[str] = field(default_factory=list)

    def note(self, sample: Sample, iou: float) -> None:
        """Count the sample if its stored IoU is not the recomputed one."""
        if abs(sample.iou - iou) <= TOLERANCE:
            return
        self.count += 1
        if len(self.shown) < SHOWN:
            self.shown.append(f"  {sample.id}: iou {sample.iou} is stored, {iou} recomputed from {sample.text[:80]!r}")


def rescore(path: Path) -> tuple[Metrics, Disagreements]:
    """Parse, map and measure every answer of a samples file again.

    Raises:
        ValueError: A line is not a sample; the message names it.
        FileNotFoundError: There is no such file.
    """
    tally, disagreements = Tally(), Disagreements()
    for sample in read_samples(path):
        answer = _judge(sample)
        disagreements.note(sample, answer.iou)
        tally.add(answer.iou, parsed=not isinstance(answer.box, ParseFailure))
    return tally.metrics(), disagreements


@entry("score")
def main(arguments: list[str]) -> int:
    """Run the command and return its exit status."""
    if len(arguments) != 1 or arguments[0] in ("-h", "--help"):
        asked = arguments[:1] in (["-h"], ["--help"])
        print(HELP, end="", file=sys.stdout if asked else sys.stderr)
        return 0 if asked else 2
    try:
        metrics, disagreements = rescore(Path(arguments[0]))
    except FileNotFoundError:
        raise ValueError(
            f"{arguments[0]}: no such file; a run leaves its samples.jsonl in results/runs/<key>/."
        ) from None
    print(json.dumps(asdict(metrics)))
    if disagreements.count:
        print(f"{disagreements.count} of {metrics.n} stored IoUs disagree:", file=sys.stderr)
        print(*disagreements.shown, sep="\n", file=sys.stderr)
    return 1 if disagreements.count else 0


def _judge(sample: Sample) -> Answer:
    grid = AnswerGrid(sample.space, sample.answer_width, sample.answer_height)
    return judge(sample.text, sample.truth, lambda box: grid.to_original(box, sample.width, sample.height))


if __name__ == "__main__":
    sys.exit(main())
