"""Every table and figure asks for the runs it should, each found again by the words of its record."""

import subprocess
import sys
from functools import cache

import pytest

from medloc.experiments.catalog import FAMILIES, Row, experiment, experiment_names, experiments
from medloc.experiments.reduced import SMOKE, WHOLE, ReducedGrid
from medloc.experiments.rows import planned_run
from medloc.report.paper import paper_table
from medloc.spec.compose import compose_job, default_choices, has_option
from medloc.spec.machine import CONF
from medloc.spec.overrides import read_overrides

RUNS = {
    "table1": 99,  # 3 sets x (3 zero-shot x 1 seed + (SFT, VLM-R1, 2 V-Triune, Raw-IoU, 5 MedLoc) x 3 seeds) = 3 x 33
    "table2": 21,  # 7 criteria x 3 seeds
    "table3": 12,  # 4 strategies x 3
    "table4": 12,  # 4 step sizes x 3
    "table5": 0,  # counts images
    "table6": 36,  # 3 sets x 4 lines x 3
    "table7": 45,  # 4 systems x 3 sets x 3 + 4 group sizes x 3 - 3, as G = 8 is the default run
    "table8": 16,  # 2 sets x (2 zero-shot + 2 x 3)
    "figure1": 18,  # 2 rows x 3 sets x 3
    "figure3": 36,  # 4 rows x 3 sets x 3
    "figure4": 4,  # 2 rows x 2 sets x 1
    "figure5": 27,  # 3 schedules x 3 sets x 3
    "figure6": 54,  # 3 schedules x 6 values x 3
    "figure7": 27,  # (6 sizes + 4 refreshes - 1) x 3, as N = 30 and half are the same run
    "figure8": 3,  # 3 sets
    "median": 210,  # 7 rows x 3 sets x 10
    "open": 54,  # 6 rows x 3 sets x 3
    "rewards": 132,  # 3 sets x (2 zero-shot x 1 + 14 rows x 3)
    "thesis": 180,  # 6 rows x 3 sets x 10
    "why": 45,  # 5 rows x 3 sets x 3
}
ALL = {
    "table1": 99,
    "table2": 18,  # "Full" is Table 1's
    "table3": 9,  # "Adaptive" is
    "table4": 9,  # "Dynamic" is
    "table6": 33,  # the default line on HAM10000 is; on the other two its boundary is another
    "table7": 36,  # MedLoc (9) and G = 8 are
    "table8": 8,  # InternVL: 2 sets x (1 + 3); Qwen's are Table 1's
    "figure6": 39,  # linear and cosine x 5 (0.20 is Table 1's), identical x 3 (0.05, 0.15, 0.25 are Table 4's), x 3
    "figure7": 24,  # 5 sizes + 3 refreshes, x 3
    "median": 192,  # 4 medians x 30, raw GIoU 30, seven more seeds of piecewise and raw IoU: 2 x 21
    "open": 45,  # piecewise is Table 1's
    "rewards": 75,  # specialist, 3 rewards, 2 x dynamic sampling, 2 x masked KL: 8 x 9; GroundingDINO zero-shot x 3
    "thesis": 84,  # seven more seeds of VLM-R1, both V-Triunes and SFT: 4 x 21
    "why": 24,  # no margin on two more sets (HAM10000 is Table 2's), fixed 0.6, fixed 0.8: 6 + 9 + 9
}  # figures 1, 3, 4, 5 and 8 add none


@pytest.mark.parametrize("name", RUNS)
def test_an_experiment_expands_to_its_runs(name):
    assert len(experiment(name).runs()) == RUNS[name]


def test_the_whole_grid_makes_a_shared_run_once():
    assert [each.name for each in experiments()] == list(RUNS) == list(experiment_names())
    distinct = {run for each in experiments() for run in each.runs()}
    assert len(distinct) == sum(ALL.values()) == 695
    names = {tuple(run.identity.values()) for run in distinct}
    assert len(names) == 695  # no two of them share a record


def test_every_row_of_the_paper_s_table_1_is_there():
    assert set(paper_table(1).rows) == {row.name for row in experiment("table1").rows} - {"V-Triune-3B matched"}


@pytest.mark.parametrize("name", ["table1", "figure3", "rewards"])
def test_v_triune_stands_with_both_presets(name):
    presets = [row.set["method.preset"] for row in experiment(name).rows if row.set["method"] == "v_triune"]
    assert presets == ["original", "matched"]


def test_table_3_s_rows_are_the_printed_ones():
    """Table 3: δk, Pk and Sk of the fixed strategies."""
    printed = {
        "Fixed-Aggressive": (0.15, 0.60, 0.40),
        "Fixed-Conservative": (0.05, 0.80, 0.15),
        "Fixed-Moderate": (0.10, 0.70, 0.25),
    }
    for row in experiment("table3").rows[1:]:
        config = compose_job(row.run("ham10000", 42).overrides).config
        found = (config["schedule"]["delta"], *config["strategy"]["P"], *config["strategy"]["S"])
        assert found == printed[row.name]


def test_table_6_s_rows_are_their_names():
    for row in experiment("table6").rows:
        delta1, delta2, *boundaries = map(float, row.name.split())
        assert row.set["schedule.deltas"] == [delta1, delta2, 0.05]
        assert row.set["schedule.boundaries"] == boundaries


def test_group_sizes_fit_one_pass_and_a_smoke_run():
    rows = [row for row in experiment("table7").rows if "train.group_size" in row.set]
    assert [row.set["train.group_size"] for row in rows] == [4, 6, 8, 10]
    for row in rows:
        train = compose_job(row.run("ham10000", 42).overrides).settings.train  # refuses a batch that does not divide
        assert train.group_size == row.set["train.group_size"]
    batch = read_overrides(SMOKE.overrides)
    for each in (row.set for row in rows):
        assert batch["train.prompts_per_step"] * each["train.group_size"] % batch["train.per_device_batch"] == 0


# --- what a record will say


def composable(run):
    """Whether conf/ has every option of a run."""
    return all(has_option(group, str(run.values[group])) for group in default_choices() if group in run.values)


@cache
def as_recorded(overrides):
    """The words of a record's identity, as `run_job` takes them from the composed job."""
    job = compose_job(overrides)
    settings = job.settings
    return {
        "dataset": settings.dataset.name,
        "model": settings.model.name,
        "method": settings.method.name,
        "schedule": settings.schedule["name"] if settings.method.uses_schedule else None,
        "train": settings.train.name,
        "seed": settings.seed,
        "variant": job.variant,
    }


def one_run_a_row(grid=WHOLE):
    runs = [row.run(row.datasets[0], row.seeds[0]) for each in experiments(grid=grid) for row in each.rows]
    return [run for run in dict.fromkeys(runs) if composable(run)]


@pytest.mark.slow
@pytest.mark.parametrize("run", one_run_a_row(), ids=str)
def test_a_planned_run_is_named_as_its_record(run):
    assert run.identity == as_recorded(run.overrides)


@pytest.mark.slow
@pytest.mark.parametrize("run", one_run_a_row(SMOKE)[::3], ids=str)
def test_a_thinned_run_is_named_as_its_record(run):
    assert run.identity == as_recorded(run.overrides)


@pytest.mark.parametrize(
    "overrides",
    [
        (),
        ("method=vlm_r1", "model=tiny_s", "dataset=tn3k", "seed=43"),
        ("method=medloc", "schedule=linear", "schedule.delta0=0.20"),  # the default, said aloud
        ("method=medloc", "schedule=identical", "schedule.delta=0.10", "strategy=fixed_moderate", "criteria=full"),
        ("method=medloc", "schedule.deltas=[0.20,0.15,0.05]", "schedule.boundaries=[0.60,0.75]", "train.max_steps=4"),
        ("method=medloc", "train=paper", "train.beta=0.40", "train.learning_rate=1e-6", "window.refresh=none"),
        ("method=medloc", "train.learning_rate=4e-4", "dataset.phantom.train=16", "evaluation.images=4"),
    ],
    ids=" ".join,
)
def test_words_alone_give_the_record_s_identity(overrides):
    run = planned_run(overrides)
    assert run.identity == as_recorded(overrides)
    assert run.identity == as_recorded(run.overrides)


@pytest.mark.slow
@pytest.mark.parametrize("method", sorted(path.stem for path in (CONF / "method").glob("[!_]*.yaml")))
def test_a_method_with_its_model_and_schedule_is_named_as_its_record(method):
    job = compose_job([f"method={method}"])
    schedule = [f"schedule={job.choices['schedule']}"] if job.settings.method.uses_schedule else []
    overrides = (f"method={method}", f"model={job.choices['model']}", *schedule)
    assert planned_run(overrides).identity == as_recorded(overrides)


def test_the_command_line_s_spelling_does_not_matter():
    """Typed by hand, the same run gets the same name."""
    assert compose_job(["schedule.deltas=[0.20, 0.150, 5e-2]"]).variant == "schedule.deltas=[0.2,0.15,0.05]"


def test_a_run_gives_the_command_that_makes_it():
    run = experiment("table6").rows[0].run("ham10000", 43)
    assert run.command == (
        "python -m medloc.run dataset=ham10000 model=tiny_s method=medloc schedule=piecewise "
        "'schedule.boundaries=[0.55,0.7]' 'schedule.deltas=[0.1,0.05,0.05]' seed=43"
    )


# --- families and grid


def test_another_family_has_its_own_models_throughout():
    models = {run.identity["model"] for each in experiments("Qwen2.5-VL") for run in each.runs()}
    assert models == set(FAMILIES["Qwen2.5-VL"].values())
    runs = {run for each in experiments("Qwen2.5-VL") for run in each.runs()}
    assert {run.identity["train"] for run in runs} == {"paper"}
    assert "train=paper" in next(iter(runs)).overrides
    variants = [row.run("heel", 42).identity["variant"] for row in experiment("table7", "Qwen2.5-VL").rows]
    assert variants[-4:] == ["train.group_size=4", "train.group_size=6", "", "train.group_size=10"]
    with pytest.raises(ValueError, match=r"^family=Qwen3 is not known; use one of tiny, Qwen2\.5-VL\.$"):
        experiment("table1", "Qwen3")


def test_a_thinned_grid_has_its_words_in_every_name():
    grid = ReducedGrid(("dataset.phantom.test=8", "window.size=5"), seeds=(42,), datasets=("heel", "tn3k"))
    runs = [run for row in experiment("figure4", grid=grid).rows for run in row.runs()]
    assert [run.identity["variant"] for run in runs] == [
        *["dataset.phantom.test=8 window.size=5"] * 2,
        *["dataset.phantom.test=8"] * 2,  # VLM-R1 has no window, and medloc.run would refuse one
    ]
    assert experiment("table2", grid=grid).runs() == ()
    assert {run.identity["seed"] for run in experiment("figure4", grid=grid).runs()} == {42}


def test_what_is_added_comes_after_the_row_s_own():
    row = Row("G", {"method": "medloc", "train.per_device_batch": 32}, ("heel",), (42,), ("train.per_device_batch=4",))
    assert row.run("heel", 42).identity["variant"] == "train.per_device_batch=4"


def test_an_unknown_name_is_one_line():
    with pytest.raises(ValueError, match=r"^tabel1 is no experiment; known: table1, "):
        experiment("tabel1")


def test_reading_them_loads_no_torch():
    code = "import sys; from medloc.experiments.catalog import experiments; experiments(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert not {"torch", "numpy"} & set(loaded)
