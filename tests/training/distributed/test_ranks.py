"""Two processes: redrawing keeps them in step, and a reward's memory is the same on both."""

import json
import os
import subprocess
import sys

import pytest

from tests.small import CHECKOUT


@pytest.mark.slow
def test_two_ranks_see_draw_and_remember_the_same(tmp_path):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*command, "-m", "tests.training.two_ranks", str(tmp_path)],
        cwd=CHECKOUT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    first, second = (json.loads((tmp_path / f"rank{rank}.json").read_text()) for rank in (0, 1))
    assert first == second
    assert first["ranks"] == 2
    assert len(first["seen"]) == 2
    assert first["state"]["reward"]["ious"] == [0.0] * 128 + [
        iou for ious, *_ in first["seen"] for group in ious for iou in group
    ]
    assert sum(redrawn for _, _, redrawn, _ in first["seen"]) > 0
    assert first["generated"][0] == 6
    assert len(first["generated"]) > 2
