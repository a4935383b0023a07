import subprocess
import sys

import pytest

CODE = """
import sys
import {module}
heavy = [name for name in ("torch", "numpy", "omegaconf", "hydra", "PIL", "scipy") if name in sys.modules]
print(*heavy)
"""


@pytest.mark.parametrize("module", ["medloc.curriculum", "medloc.rewards", "medloc.boxes"])
def test_the_pure_rooms_bring_in_nothing_heavy(module):
    code = CODE.format(module=module)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
