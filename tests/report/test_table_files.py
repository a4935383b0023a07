import pytest

from medloc.experiments.reduced import SMOKE, write_grid
from medloc.report.table_files import FORMS, all_tables, all_values, write_tables
from medloc.report.table_list import OURS

NAMES = [*(f"table{number}" for number in range(1, 9)), *OURS]


def tables_of(folder, *records):
    return all_tables(all_values(folder, records))


def test_without_a_record_every_table_says_what_is_missing(tmp_path):
    tables = tables_of(tmp_path)
    assert list(dict.fromkeys(table.name for table in tables)) == NAMES
    assert all(table.missing or table.lacking for table in tables)
    assert {table.heading for table in tables} == {"no complete run yet"}


def test_every_group_has_the_tables_it_has_numbers_for(fabricate, tmp_path):
    records = [fabricate(seed=seed) for seed in (42, 43)]
    tables = tables_of(tmp_path, *records, fabricate(origin="real: HEEL"), fabricate(steps=50, dataset="ham10000"))
    headings = {name: [table.heading for table in tables if table.name == name] for name in NAMES}
    phantom, real, short = (
        "phantom data, tiny models, train=tiny, 250 steps",
        "real data, tiny models, train=tiny, 250 steps",
        "phantom data, tiny models, train=tiny, 50 steps",
    )
    assert headings["table1"] == [phantom, short, real]
    assert headings["table2"] == [phantom, short]  # HAM10000 alone
    assert headings["table5"] == ["phantom data"]  # no image is counted of the real ones


def test_runs_of_no_experiment_stand_apart(fabricate, tmp_path):
    tables = tables_of(
        tmp_path, fabricate(a50=0.9), fabricate(a50=0.1, variant="window.size=7"), fabricate(schedule="identical")
    )
    (other,) = [table for table in tables if table.name == "other"]
    assert [line.name for line in other.lines] == [
        "medloc identical tiny_s",
        "medloc piecewise tiny_s window.size=7",
    ]
    assert {place.dataset for place in other.places} == {"heel"}
    assert [str(entry.ours) for entry in other.lines[1].entries.values()] == ["10.00 (1)", "20.00 (1)", "30.00 (1)"]


def test_a_model_that_stands_in_no_row_is_listed(fabricate, tmp_path):
    tables = tables_of(tmp_path, fabricate(model="another", a50=0.7))
    (other,) = [table for table in tables if table.name == "other"]
    assert [line.name for line in other.lines] == ["medloc piecewise another"]


def test_a_thinned_grid_says_so_on_every_page(fabricate, tmp_path):
    write_grid(tmp_path, SMOKE)
    tables = tables_of(tmp_path, fabricate())
    assert all("SMOKE" in table.heading and "phantom" in table.heading for table in tables)


def test_files_of_all_forms(fabricate, tmp_path):
    written = write_tables(tables_of(tmp_path, fabricate()), tmp_path / "tables")
    assert [path.name for path in written] == [f"{name}.{ending}" for name in NAMES for ending in FORMS]
    assert all(path.stat().st_size for path in written)
    assert "# Table 7" in (tmp_path / "tables" / "table7.md").read_text(encoding="utf-8")


def test_a_table_that_is_no_more_leaves_no_file(fabricate, tmp_path):
    write_tables(tables_of(tmp_path, fabricate(schedule="identical")), tmp_path / "tables")
    assert (tmp_path / "tables" / "other.md").exists()
    write_tables(tables_of(tmp_path, fabricate()), tmp_path / "tables")
    assert not list((tmp_path / "tables").glob("other.*"))


@pytest.mark.parametrize("ending", FORMS)
def test_the_order_of_the_records_changes_nothing(fabricate, tmp_path, ending):
    records = [fabricate(method, seed=seed, a50=seed / 100) for method in ("medloc", "vlm_r1") for seed in (42, 43)]
    assert FORMS[ending](tables_of(tmp_path, *records)) == FORMS[ending](tables_of(tmp_path, *reversed(records)))


def test_latex_of_every_table_is_plain(fabricate, tmp_path):
    assert FORMS["tex"](tables_of(tmp_path, fabricate())).isascii()
