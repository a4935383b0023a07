import subprocess
import sys

import pytest

from tests import clean_tree


@pytest.mark.parametrize(
    ("found", "allowed"), [((None, None), False), (("c" * 40, True), False), (("c" * 40, False), True)]
)
def test_golden_files_are_recorded_from_a_commit_only(found, allowed, monkeypatch):
    monkeypatch.setattr(clean_tree, "provenance", lambda: {"commit": found[0], "dirty": found[1]})
    if allowed:
        assert clean_tree.require_clean_tree() == found[0]
    else:
        with pytest.raises(SystemExit, match="commit them, then record"):
            clean_tree.require_clean_tree()


@pytest.mark.parametrize("module", ["tests.training.grpo.golden", "tests.curriculum.golden"])
def test_both_recorders_ask(module):
    code = (
        "import sys; from tests import clean_tree; "
        "clean_tree.provenance = lambda: {'commit': 'c', 'dirty': True}; "
        f"import {module} as golden; golden.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "the working tree has changes" in done.stderr
