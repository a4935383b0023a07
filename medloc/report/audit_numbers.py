"""Numbers against numbers: differences in sentences, one system under several values, statistics not printed."""

from collections.abc import Iterator
from itertools import chain

from medloc.report.finding import Finding
from medloc.report.groups import DATASETS
from medloc.report.paper import ACCURACY_TABLES, METRICS, SETS, Cells, paper_table, paper_text


def check_numbers() -> Iterator[Finding]:
    """Yield the findings of kinds "difference" (in sentences), "value", "row" and "spread"."""
    yield from _differences_in_sentences()
    yield from _same_systems()
    yield from _unnamed_schedule()
    yield from _missing_spread()
    yield from _missing_tests()


def _differences_in_sentences() -> Iterator[Finding]:
    for entry in paper_text()["differences"]:
        first, second = (paper_table(number).rows[row][d][metric] for number, row, d, metric in entry["cells"])
        recomputed = round(first.mean - second.mean, 2)
        if recomputed != entry["printed"]:
            follows = f"{first.mean:.2f} − {second.mean:.2f} = {recomputed:.2f}"
            yield Finding("difference", entry["place"], f"“{entry['quote']}”", follows)


def _same_systems() -> Iterator[Finding]:
    for system, rows in paper_text()["same"].items():
        for dataset, metric in ((dataset, metric) for dataset in SETS for metric in METRICS):
            printed: dict[float, list[str]] = {}
            for number, row in rows:
                cell = paper_table(number).cell(row, dataset, metric)
                if cell:
                    printed.setdefault(cell.mean, []).append(f"Table {number} {row}")
            if len(printed) > 1:
                numbers = "; ".join(f"{value:.2f} ({', '.join(names)})" for value, names in printed.items())
                follows = f"one value is due; these lie up to {max(printed) - min(printed):.2f} apart"
                yield Finding("value", f"{system}, {DATASETS[dataset]} {METRICS[metric]}", numbers, follows)


def _unnamed_schedule() -> Iterator[Finding]:
    """Look for the row of Table 1 that a row without its schedule repeats."""
    entry = paper_text()["unnamed_schedule"]
    number, name = entry["row"]
    row, default = paper_table(number).rows[name], entry["default"]
    repeats = [other for other, found in paper_table(1).rows.items() if _means(found, row) == _means(row, row)]
    if repeats != [default]:
        printed = ", ".join(f"{mean:.2f}" for mean in _means(row, row))
        usual = ", ".join(f"{mean:.2f}" for mean in _means(paper_table(1).rows[default], row))
        follows = f"digit by digit Table 1's {' and '.join(repeats) or 'no row'}, not its {default} ({usual})"
        yield Finding("row", f"Table {number}, {name}", printed, follows)


def _means(row: Cells, like: Cells) -> list[float]:
    """Return a row's means at the data sets and metrics of another."""
    return [row[dataset][metric].mean for dataset, line in like.items() for metric in line]


def _missing_spread() -> Iterator[Finding]:
    tables = [paper_table(number) for number in ACCURACY_TABLES]
    silent = [table.number for table in tables if all(cell.sd is None for *_, cell in table.cells())]
    if silent:
        printed = "“We run all experiments with three random seeds and report the average and standard deviation”"
        follows = f"Tables {', '.join(map(str, silent))} print no standard deviation"
        yield Finding("spread", "Section 4.1", printed, follows)


def _missing_tests() -> Iterator[Finding]:
    tested = set(chain.from_iterable(paper_table(1).pairs.values()))
    untested = [row for row in paper_text()["baselines"] if row not in tested]
    if untested:
        printed = "“significance analysis via paired two-tailed t-tests against each baseline”"
        yield Finding("spread", "Section 4.1", printed, f"Table 1 has no Δ row against {' and '.join(untested)}")
