"""A file of experiments/ is read strictly."""

import pytest
import yaml

from medloc.experiments.catalog import read_experiment

GOOD = {
    "title": "t",
    "shows": "s",
    "datasets": ["heel"],
    "seeds": [42],
    "rows": [{"name": "a", "set": {"method": "medloc"}}, {"name": "b", "set": {"method": "vlm_r1"}}],
}
BAD = [
    ({"colour": 1}, "the file has the unknown key 'colour'; known: title, shows, datasets, seeds, rows."),
    ({"rows": [{"name": "a", "sets": {}}]}, "row 1 has the unknown key 'sets'; known: name, set, datasets, seeds."),
    ({"rows": [{"name": "a"}]}, "row 1 lacks the key 'set'."),
    ({"rows": "a"}, "rows='a' must be a list."),
    ({"rows": [GOOD["rows"][0]] * 2}, "row 'a' is there 2 times; a name stands for one row."),
    ({"datasets": ["isic"]}, "row 'a': datasets=isic is not known; use ham10000, heel, tn3k."),
    ({"datasets": []}, "row 'a': datasets=[] must name at least one, and each once."),
    ({"seeds": [42, 42]}, "row 'a': seeds=[42, 42] must name at least one, and each once."),
    ({"seeds": ["x"]}, "row 'a': seeds='x' must be a whole number, not negative."),
    ({"rows": [{"name": "a", "set": {"schedule": "cosine"}}]}, "row 'a': set must be a mapping of overrides with"),
    (
        {"rows": [{"name": "a", "set": {"method": "medloc", "train.sise": 5}}]},
        "row 'a': set.train.sise is no setting",
    ),
    ({"rows": [{"name": "a", "set": {"method": "medloc", "windows": 5}}]}, "row 'a': set.windows is no setting"),
    ({"rows": [{"name": "a", "set": {"method": "medloc", "seed": 5}}]}, "row 'a': set.seed is not for a row to set"),
]


@pytest.mark.parametrize(("change", "says"), BAD, ids=[says for _, says in BAD])
def test_a_defect_is_one_line_that_names_the_file(change, says, tmp_path):
    path = tmp_path / "table9.yaml"
    path.write_text(yaml.safe_dump(GOOD | change))
    with pytest.raises(ValueError, match="table9") as raised:
        read_experiment(path)
    assert str(raised.value).startswith(f"experiments/table9.yaml: {says}")
    assert "\n" not in str(raised.value)


def test_torn_yaml_is_one_line(tmp_path):
    (tmp_path / "table9.yaml").write_text("rows: [")
    with pytest.raises(ValueError, match=r"^experiments/table9\.yaml: not YAML: [^\n]*$"):
        read_experiment(tmp_path / "table9.yaml")


def test_a_list_spans_a_grid_and_a_list_in_quotes_does_not(tmp_path):
    row = {
        "method": "medloc",
        "window.size": [5, 10],
        "window.refresh": ["half", "none"],
        "strategy.P": "[0.7,0.7,0.7]",
    }
    path = tmp_path / "grid.yaml"
    path.write_text(yaml.safe_dump(GOOD | {"rows": [{"name": "N", "set": row}]}, sort_keys=False))
    rows = read_experiment(path).rows
    assert [each.name for each in rows] == ["N 5 half", "N 5 none", "N 10 half", "N 10 none"]
    assert rows[1].set == {**row, "window.size": 5, "window.refresh": "none", "strategy.P": [0.7, 0.7, 0.7]}
