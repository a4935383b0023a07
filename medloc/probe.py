"""`python -m medloc.probe`: before training, how many groups teach nothing at which threshold."""

import sys

from medloc.settings.job import compose_job
from medloc.settings.plainly import CONFIG_ERRORS, plainly

MEMORY = "--memory"
IMAGES, THRESHOLDS = 256, (0.3, 0.45, 0.5, 0.6, 0.7, 0.8)

HELP = """\
python -m medloc.probe [images=256] [OVERRIDE ...]
python -m medloc.probe --memory [OVERRIDE ...]

Samples a group of answers for training images, as a training step would, and prints per threshold the share of groups
that are all-miss, mixed and all-hit. All-miss and all-hit groups are dead: their advantages are 0 (Eq. 5). Overrides
are those of medloc.run; nothing is trained, nothing is written but phantoms.

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
        from medloc.training.sparsity import group_shares, sample_start  # torch is imported here, not for --help

        sampled, groups = sample_start(job.settings, images[-1] if images else IMAGES)
        print(f"{sampled}, percent\n")
        print("tau   all-miss  mixed  all-hit")
        for tau in THRESHOLDS:
            miss, mixed, hit = (100 * share for share in group_shares(groups, tau))
            print(f"{tau:.2f} {miss:9.1f} {mixed:6.1f} {hit:8.1f}")
    except CONFIG_ERRORS as error:
        print(f"medloc.probe: {plainly(error, 'probe')}", file=sys.stderr)
        return 2
    except (ValueError, OSError) as error:
        print(f"medloc.probe: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
