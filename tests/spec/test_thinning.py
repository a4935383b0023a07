"""What a grid was thinned by is written down and read back; a torn note is named."""

import pytest

from medloc.experiments.reduced import SMOKE, WHOLE, read_thinning, write_thinning


def test_it_comes_back_as_it_was(tmp_path):
    assert read_thinning(tmp_path) == WHOLE
    write_thinning(tmp_path / "results", SMOKE)
    assert read_thinning(tmp_path / "results") == SMOKE


@pytest.mark.parametrize("text", ["{", "[]", '{"smoke": true}', '{"overrides": 3, "seeds": [], "datasets": []}'])
def test_a_torn_note_is_one_line(text, tmp_path):
    (tmp_path / "thinning.json").write_text(text)
    with pytest.raises(ValueError, match=r"thinning\.json: not what medloc.reproduce writes"):
        read_thinning(tmp_path)
