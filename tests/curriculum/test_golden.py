import json

import pytest

from tests.curriculum.golden import CASES, FOLDER, decisions


@pytest.mark.parametrize("name", CASES)
def test_golden_trace_is_met_exactly(name):
    settings, *rows = map(json.loads, (FOLDER / f"{name}.jsonl").read_text().splitlines())
    found = decisions(settings, [row["ious"] for row in rows])
    assert found == [row["decision"] for row in rows]
    assert any(row["decision"]["updated"] for row in rows)
