"""Golden traces of the curriculum: `python -m tests.curriculum.golden` writes them anew, from a clean tree only.

Do so only when a number is meant to change, and say why in the changelog under "Numbers may change".
"""

import json
from dataclasses import asdict
from pathlib import Path

from medloc.curriculum import curriculum_from
from tests.clean_tree import require_clean_tree
from tests.curriculum.configs import config
from tests.curriculum.test_against_reference import stream

FOLDER = Path(__file__).resolve().parents[1] / "golden" / "curriculum"
CASES = {
    "piecewise_step": (config(size=5), "improving"),
    "piecewise_group": (config(criteria="no_stability", size=8, unit="group"), "improving"),
    "linear_quarter": (config("linear", size=6, refresh="quarter"), "noisy"),
    "cosine_full": (config("cosine", size=4, refresh="full"), "stepwise"),
    "identical_none": (config("identical", strategy="fixed_aggressive", size=5, refresh="none"), "improving"),
}


def recorded(name):
    settings, kind = CASES[name]
    steps = [[[round(iou, 6) for iou in group] for group in groups] for groups in stream(kind, name, 40, 3, 4)]
    return {"config": settings, "steps": steps, "decisions": decisions(settings, steps)}


def decisions(settings, steps):
    curriculum = curriculum_from(settings)
    return [asdict(curriculum.observe(groups)) for groups in steps]


def main():
    require_clean_tree()
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in CASES:
        rows = recorded(name)
        lines = [json.dumps(rows["config"])]
        lines += [json.dumps({"ious": s, "decision": d}) for s, d in zip(rows["steps"], rows["decisions"], strict=True)]
        (FOLDER / f"{name}.jsonl").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
