import subprocess
import sys

import pytest

CODE = """
import sys, time
start = time.perf_counter()
import {module}
took = time.perf_counter() - start
heavy = [name for name in ("torch", "numpy", "omegaconf", "hydra", "PIL", "scipy") if name in sys.modules]
print(took, *heavy)
"""


def imported(module):
    code = CODE.format(module=module)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    took, *heavy = done.stdout.split()
    return float(took), heavy


@pytest.mark.parametrize("module", ["medloc.curriculum", "medloc.rewards", "medloc.boxes"])
def test_the_pure_rooms_bring_in_nothing_heavy(module):
    assert imported(module)[1] == []


def test_importing_the_curriculum_takes_less_than_a_tenth_of_a_second():
    # the best of several, since other work on the machine can only slow it down
    assert min(imported("medloc.curriculum")[0] for _ in range(5)) < 0.1
