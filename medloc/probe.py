"""`python -m medloc.probe`: before training, what the model answers and how many groups would teach nothing."""

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from medloc.evaluation.preflight import BINS, advise, failures, group_shares, histogram
from medloc.evaluation.spaces import LEAST, Reading, readings
from medloc.spec.compose import Job, compose_job
from medloc.spec.errors import COMPOSITION_ERRORS, composition_error
from medloc.spec.stopping import stopped

if TYPE_CHECKING:
    from medloc.training.runner.sparsity import Start

MEMORY = "--memory"
IMAGES, THRESHOLDS = 256, (0.3, 0.45, 0.5, 0.6, 0.7, 0.8)
BAR = 40  # characters of the longest bar

HELP = """\
python -m medloc.probe [images=256] [OVERRIDE ...]
python -m medloc.probe --memory [OVERRIDE ...]

Samples a group of answers for training images, as a training step would, and prints
  - how many answers hold a box, and why the others do not;
  - how good they are: a histogram of their IoU;
  - per threshold the share of groups that are all-miss, mixed and all-hit: all-miss and all-hit groups are dead, their
    advantages are 0 (Eq. 5);
  - where tau should begin, and why;
  - whether the boxes look as if they were written in another coordinate space than the model's family is said to use
    (pixels, resized, thousand, unit).
Overrides are those of medloc.run; nothing is trained, nothing is written but phantoms.

--memory estimates instead what a run would hold on each GPU, from the model's configuration alone.

  python -m medloc.probe dataset=heel
  python -m medloc.probe dataset=tn3k dataset.root=/data/tn3k images=32
  python -m medloc.probe --memory model=qwen2_5_vl_7b train=paper launch=zero3
"""


def main(arguments: list[str]) -> int:
    """Runs the command line; returns 0, or 2 with one line on what is wrong."""
    if arguments and arguments[0] in ("-h", "--help"):
        print(HELP, end="")
        return 0
    try:
        images = [int(a.partition("=")[2]) for a in arguments if a.startswith("images=")]
        job = compose_job([a for a in arguments if not a.startswith("images=") and a != MEMORY])
        if MEMORY in arguments:
            from medloc.models.memory import estimate_text

            print(estimate_text(job.settings))
            return 0
        from medloc.training.runner.sparsity import sample_start  # torch is imported here, not for --help

        start = sample_start(job.settings, images[-1] if images else IMAGES)
        print("\n".join(report(start, tau0(job))))
    except COMPOSITION_ERRORS as error:
        print(f"medloc.probe: {composition_error(error, 'probe')}", file=sys.stderr)
        return 2
    except (ValueError, OSError) as error:
        print(f"medloc.probe: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return stopped("probe")
    return 0


def tau0(job: Job) -> float:
    """Returns the threshold at which the job's schedule begins."""
    schedule = job.config["schedule"]
    return float(schedule["tau0"] if "tau0" in schedule else schedule["tau"])


def report(start: "Start", default: float) -> Iterator[str]:
    """Yields what is printed, line by line."""
    answers = [answer for group in start.answers for answer in group]
    why = failures(answers)
    reasons = "".join(f"; {reason}: {count}" for reason, count in why.most_common())
    yield f"{start.title}, percent"
    yield ""
    yield f"a box in {100 * (1 - why.total() / len(answers)):.1f} of {len(answers)} answers{reasons}"
    yield ""
    yield from _histogram([answer.iou for answer in answers])
    yield ""
    yield "tau   all-miss  mixed  all-hit"
    for tau in THRESHOLDS:
        miss, mixed, hit = (100 * share for share in group_shares(start.groups, tau))
        yield f"{tau:.2f} {miss:9.1f} {mixed:6.1f} {hit:8.1f}"
    yield ""
    advice = advise(start.groups, default)
    named = "no tau0 to advise" if advice.tau0 is None else f"schedule.tau0={advice.tau0:g}"
    yield f"{named}: {advice.reason}"
    yield ""
    yield from _spaces(readings(start.spoken, start.space), start.space)


def _histogram(ious: list[float]) -> Iterator[str]:
    counts = histogram(ious)
    for low, count in zip(BINS, counts, strict=True):
        bar = "#" * round(BAR * count / max(counts))
        yield f"IoU {low:.1f}-{low + 0.1:.1f} {100 * count / len(ious):5.1f} {bar}".rstrip()


def _spaces(found: list[Reading], declared: str) -> Iterator[str]:
    own = next(reading for reading in found if reading.space == declared)
    if own.images < LEAST:
        yield f"coordinate space: {own.images} images with a box are too few to tell; {LEAST} are needed."
        return
    yield f"mean IoU of the answers read as {declared} (the model's family) {own.mean_iou:.3f}, N = {own.images} images"
    for reading in found:
        if reading.space != declared and reading.gain is not None and reading.error is not None:
            yield f"{f'as {reading.space}':>12} {reading.mean_iou:.3f}, gain {reading.gain:+.3f} ± {reading.error:.3f}"
    best = found[0]
    if best.convincing:
        yield (
            f"WARNING: the answers look as if they were written in {best.space}, not in {declared}: choose the family "
            "that the model belongs to (model.family, model.min_pixels, model.max_pixels) before training."
        )
    else:
        yield "no other reading is convincingly better."


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
