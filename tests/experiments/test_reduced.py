"""What a grid was thinned by is written down and read back; a torn note is named."""

import pytest

from medloc.experiments.reduced import SMOKE, WHOLE, read_grid, write_grid


def test_it_comes_back_as_it_was(tmp_path):
    assert read_grid(tmp_path) == WHOLE
    write_grid(tmp_path / "results", SMOKE)
    assert read_grid(tmp_path / "results") == SMOKE


@pytest.mark.parametrize("text", ["{", "[]", '{"smoke": true}', '{"overrides": 3, "seeds": [], "datasets": []}'])
def test_a_torn_note_is_one_line(text, tmp_path):
    (tmp_path / "reduced.json").write_text(text)
    with pytest.raises(ValueError, match=r"reduced\.json: not what medloc.reproduce writes"):
        read_grid(tmp_path)
