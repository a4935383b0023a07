"""The numbers of findings.md that no table or figure shows, from the published records; it changes nothing.

python docs/reproduction/findings.py 8                                          what section 8 says, run by run
python docs/reproduction/findings.py "medloc piecewise tiny_s" "vlm_r1 tiny_s"  first minus second in points, with its
                                                                                95 % t-interval over common seeds
python docs/reproduction/findings.py                                            every row there is
"""

import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

from medloc.report.frame import run_name
from medloc.report.paper import METRICS, SETS
from medloc.report.stats import seed_differences, t_interval
from medloc.runs import Record, find_records
from medloc.runs.record import CurvePoint
from medloc.spec.machine import CHECKOUT

PUBLISHED = CHECKOUT / "results" / "published"
PIECEWISE = "medloc piecewise tiny_s"
MEDIANS = ("medloc median tiny_s", "medloc median tiny_s ", "medloc_giou median tiny_s ")
TEN_SEEDS = (PIECEWISE, "vlm_r1 tiny_s", "raw_iou tiny_s", "raw_giou tiny_s", "sft tiny_s", *MEDIANS)
"""The rows of ten seeds but the V-Triunes, which hardly learn."""


def main(arguments: Sequence[str]) -> int:
    """Print what was asked for; the exit status is 2 for a section or a row that is not there."""
    usage = f"{__doc__}\nSections: {', '.join(SECTIONS)}"
    if set(arguments) & {"-h", "--help"}:
        print(usage)
        return 0
    folder = PUBLISHED / "real" if list(arguments) == ["10"] else PUBLISHED
    records = sorted(find_records(folder).records, key=lambda record: (run_name(record), where(record)))
    rows = list(dict.fromkeys(map(run_name, records)))
    if not arguments:
        print(*rows, sep="\n")
    elif len(arguments) == 1 and arguments[0] in SECTIONS:
        print(*SECTIONS[arguments[0]](records), sep="\n")
    elif len(arguments) == 2 and set(arguments) <= set(rows):
        print(*differences(records, *arguments), sep="\n")
    else:
        print(usage, file=sys.stderr)
        return 2
    return 0


def where(record: Record) -> str:
    """Name the data and the seed."""
    return f"{record.identity['dataset']}, seed {record.identity['seed']}"


def chosen(records: Sequence[Record], *starts: str) -> list[Record]:
    """Return the records whose row is one of `starts`, or begins with one of them that ends in "=" or " "."""
    whole, beginnings = set(starts), tuple(start for start in starts if start[-1] in "= ")
    return [record for record in records if run_name(record) in whole or run_name(record).startswith(beginnings)]


def raises(record: Record) -> list[str]:
    """Return every step after which tau was another, and the new tau."""
    taus = record.series["tau"]
    return [f"{new:.2f} at {step}" for step, (old, new) in enumerate(pairwise(taus), start=2) if new != old]


def quarters(record: Record, name: str) -> tuple[float, float]:
    """Return the means of a series over the first and the last quarter of training, in percent."""
    values = record.series[name]
    steps = len(values) // 4
    return 100 * sum(values[:steps]) / steps, 100 * sum(values[-steps:]) / steps


def differences(records: Sequence[Record], first: str, second: str) -> list[str]:
    """Return first minus second for every set and metric; one seed has no interval."""
    lines = []
    for dataset in SETS:
        here = [record for record in records if record.identity["dataset"] == dataset]
        for metric, name in METRICS.items():
            of_seed = [
                {record.identity["seed"]: 100 * record.metrics["final"][metric] for record in chosen(here, row)}
                for row in (first, second)
            ]
            found = list(seed_differences(*of_seed).values())
            if found:
                interval = t_interval(found)
                ends = f" ({interval.low:.2f} to {interval.high:.2f})" if interval else ""
                lines.append(f"{dataset} {name}: {sum(found) / len(found):+.2f}{ends}, N = {len(found)}")
    return lines


def identical_weights(records: Sequence[Record]) -> list[str]:
    """Section 3, 4 and 7: the runs of different rows that ended in the same weights, by their SHA-256."""
    same = defaultdict(list)
    for record in records:
        same[record.provenance.get("weights_sha256")].append(record)
    seeds = defaultdict(list)
    for sha, runs in same.items():
        names = tuple(sorted(set(map(run_name, runs))))
        if sha and len(names) > 1:
            seeds[runs[0].identity["dataset"], names].append(runs[0].identity["seed"])
    return [
        f"{dataset}, seeds {sorted(found)}: the same weights from\n  " + "\n  ".join(names)
        for (dataset, names), found in seeds.items()
    ]


def rises(records: Sequence[Record]) -> list[str]:
    """Section 3: when tau rose, and the greatest margin that was seen once it stood."""
    lines = []
    for record in chosen(records, PIECEWISE, f"{PIECEWISE} criteria=no_margin"):
        stood = [
            margin
            for margin, tau in zip(record.series["iou_margin"], record.series["tau_used"], strict=True)
            if margin is not None and tau == record.series["tau"][-1]
        ]
        greatest = f"{max(stood):.3f}" if stood else "-"
        lines.append(
            f"{run_name(record)}, {where(record)}: tau {', '.join(raises(record))}; then a margin of {greatest}"
        )
    return identical_weights(records) + lines


class Fall(NamedTuple):
    """A fall of A@0.5 between two evaluations, and the next evaluation; None after the last."""

    record: Record
    before: CurvePoint
    after: CurvePoint
    then: CurvePoint | None


def falls(records: Sequence[Record]) -> list[Fall]:
    """Return the falls of ten points or more in the second half of training, on the first test images."""
    found = []
    for record in records:
        curve = [point for point in record.metrics["curve"] if 2 * point["step"] >= record.identity["steps"]]
        for (before, after), then in zip(pairwise(curve), [*curve[2:], None], strict=True):
            if round(before["a50"] - after["a50"], 6) >= 0.1:
                found.append(Fall(record, before, after, then))
    return found


def fall_lines(records: Sequence[Record]) -> list[str]:
    """Sections 5 and 11: every fall, and how many there are, end the run, or are made up for by the next evaluation."""
    lines, found = [], falls(records)
    for record, before, after, then in found:
        values = [f"{100 * point['a50']:.1f}" for point in (before, after, then) if point]
        lines.append(f"{run_name(record)}, {where(record)}: A@0.5 {', '.join(values)} from step {before['step']}")
    within = [fall for fall in found if fall.then]
    back = sum(round(fall.before["a50"] - fall.then["a50"], 6) <= 0.05 for fall in within)
    lines.append(
        f"{len(found)} falls in {len(records)} runs, {len(found) - len(within)} at the end; "
        f"of the other {len(within)}, {back} made up for to five points"
    )
    return lines


def rewards(records: Sequence[Record]) -> list[str]:
    """Section 5: what drawing dead groups again costs, and the falls of the second half of training."""
    again = [
        f"{run_name(record)}, {where(record)}: {record.timings['step_s_median']:.2f} s a step"
        for name in ("vlm_r1 tiny_s", PIECEWISE)
        for record in chosen(records, name, f"{name} train.dynamic_sampling=3")
    ]
    return again + fall_lines(chosen(records, *TEN_SEEDS))


def windows(records: Sequence[Record]) -> list[str]:
    """Section 7: the raises of every window."""
    compared = chosen(records, PIECEWISE, f"{PIECEWISE} window.size=", f"{PIECEWISE} window.unit=")
    return [f"{run_name(record)}, {where(record)}: tau {', '.join(raises(record))}" for record in compared]


def v_triune(records: Sequence[Record]) -> list[str]:
    """Section 8: how many groups of a run had two different rewards."""
    lines, without = [], 0
    for record in chosen(records, "v_triune tiny_s"):
        prompts = record.config["train"]["prompts_per_step"]
        alive = sum(round(prompts * (1 - dead)) for dead in record.series["dead"])
        without += alive == 0
        change = 100 * (record.metrics["final"]["a50"] - record.metrics["zero_shot"]["a50"])
        groups = prompts * len(record.series["dead"])
        lines.append(f"{where(record)}: {alive} of {groups} groups with two rewards; A@0.5 {change:+.1f}")
    return [*lines, f"without any: {without} of {len(lines)} runs"]


def real(records: Sequence[Record]) -> list[str]:
    """Section 10: the groups with equal rewards, over the folds and seeds of a method on one set of real images."""
    trained = defaultdict(list)
    for record in records:
        if record.series:
            trained[record.config["dataset"]["manifest"], record.identity["method"]].append(record)
    lines = []
    for (manifest, method), runs in sorted(trained.items()):
        first, last = (sum(part) / len(runs) for part in zip(*(quarters(run, "dead") for run in runs), strict=True))
        steps = [share for run in runs for share in run.series["dead"]]
        lines.append(
            f"{manifest}, {method}: dead groups {first:.0f} % in the first quarter, {last:.0f} % in the last; "
            f"every group dead in {steps.count(1)} of {len(steps)} steps, {len(runs)} runs"
        )
    return lines


def medians(records: Sequence[Record]) -> list[str]:
    """Section 11: where the median begins and ends, and the falls of the second half of training."""
    found = chosen(records, *MEDIANS)
    return [
        f"{run_name(record)}, {where(record)}: tau {record.series['tau'][0]:.2f} after the first step, "
        f"{record.series['tau'][-1]:.2f} after the last"
        for record in found
    ] + fall_lines(found)


SECTIONS: dict[str, Callable[[Sequence[Record]], list[str]]] = {
    "3": rises,
    "5": rewards,
    "7": windows,
    "8": v_triune,
    "10": real,
    "11": medians,
}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
