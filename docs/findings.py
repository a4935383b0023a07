"""The numbers of findings.md that no table or figure shows, from the published records; it changes nothing.

python docs/findings.py 8                              what section 8 says, run by run
python docs/findings.py "medloc piecewise" vlm_r1      first minus second in points, with its 95 % t-interval
                                                       over the seeds that both have, on every set
python docs/findings.py                                every row there is
"""

import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise

from medloc.records import Record, find_records
from medloc.report.stats import seed_differences, t_interval
from medloc.settings import CHECKOUT

PUBLISHED = CHECKOUT / "results" / "published"
METRICS = {"A@0.5": "a50", "A@0.8": "a80", "mAP": "map"}


def main(arguments: Sequence[str]) -> int:
    """Print what was asked for; the exit status is 2 for a section or a row that is not there."""
    folder = PUBLISHED / "real" if list(arguments) == ["10"] else PUBLISHED
    records = sorted(find_records(folder).records, key=lambda record: (row(record), where(record)))
    rows = list(dict.fromkeys(row(record) for record in records))
    if not arguments:
        print(*rows, sep="\n")
    elif len(arguments) == 1 and arguments[0] in SECTIONS:
        print(*SECTIONS[arguments[0]](records), sep="\n")
    elif len(arguments) == 2 and set(arguments) <= set(rows):
        print(*differences(records, *arguments), sep="\n")
    else:
        print(__doc__, f"Sections: {', '.join(SECTIONS)}", sep="\n", file=sys.stderr)
        return 2
    return 0


def row(record: Record) -> str:
    """Name what was run, in the words of the record: method, schedule, variant, and the base where it is another."""
    identity = record.identity
    base = "" if identity["model"] == "tiny_s" else identity["model"]
    return " ".join(filter(None, (identity["method"], identity["schedule"], identity["variant"], base)))


def chosen(records: Sequence[Record], *starts: str) -> list[Record]:
    """Return the records whose row is one of `starts`, or begins with one of them that ends in "=" or " "."""
    return [
        record
        for record in records
        if any(row(record) == start or (start[-1] in "= " and row(record).startswith(start)) for start in starts)
    ]


def raises(record: Record) -> list[str]:
    """Return every step after which tau was another, and the new tau."""
    taus = record.series["tau"]
    return [f"{new:.2f} at {step}" for step, (old, new) in enumerate(pairwise(taus), start=2) if new != old]


def quarters(record: Record, name: str) -> tuple[float, float]:
    """Return the means of a series over the first and the last quarter of training, in percent."""
    values = record.series[name]
    steps = len(values) // 4
    return 100 * sum(values[:steps]) / steps, 100 * sum(values[-steps:]) / steps


def where(record: Record) -> str:
    """Name the data and the seed."""
    return f"{record.identity['dataset']}, seed {record.identity['seed']}"


def differences(records: Sequence[Record], first: str, second: str) -> list[str]:
    """Return first minus second for every set and metric."""
    lines = []
    for dataset in sorted({record.identity["dataset"] for record in records}):
        for name, metric in METRICS.items():
            values = [
                {
                    record.identity["seed"]: 100 * record.metrics["final"][metric]
                    for record in chosen(records, one)
                    if record.identity["dataset"] == dataset
                }
                for one in (first, second)
            ]
            found = list(seed_differences(*values).values())
            interval = t_interval(found)
            if interval:
                mean = sum(found) / len(found)
                lines.append(
                    f"{dataset} {name}: {mean:+.2f} ({interval.low:.2f} to {interval.high:.2f}), N = {len(found)}"
                )
    return lines


def identical_weights(records: Sequence[Record]) -> list[str]:
    """Section 3, 4 and 7: the runs of different rows that ended in the same weights, by their SHA-256."""
    same = defaultdict(list)
    for record in records:
        same[record.provenance.get("weights_sha256")].append(record)
    seeds = defaultdict(list)
    for sha, runs in same.items():
        names = tuple(sorted({row(run) for run in runs}))
        if sha and len(names) > 1:
            seeds[runs[0].identity["dataset"], names].append(runs[0].identity["seed"])
    return [
        f"{dataset}, seeds {sorted(found)}: the same weights from\n  " + "\n  ".join(names)
        for (dataset, names), found in seeds.items()
    ]


def rises(records: Sequence[Record]) -> list[str]:
    """Section 3: when tau rose, and the greatest margin that was seen once it stood."""
    lines = []
    for record in chosen(records, "medloc piecewise", "medloc piecewise criteria=no_margin"):
        stood = [
            margin
            for margin, tau in zip(record.series["iou_margin"], record.series["tau_used"], strict=True)
            if margin is not None and tau == record.series["tau"][-1]
        ]
        greatest = f"{max(stood):.3f}" if stood else "-"
        lines.append(f"{row(record)}, {where(record)}: tau {', '.join(raises(record))}; then a margin of {greatest}")
    return identical_weights(records) + lines


def falls(records: Sequence[Record]) -> list[str]:
    """Section 5 and 11: where A@0.5 on the first test images fell by ten points or more between two evaluations."""
    fallen, runs = defaultdict(list), defaultdict(int)
    for record in records:
        name = f"{row(record)}, {record.identity['dataset']}"
        curve = [point for point in record.metrics["curve"] or [] if 2 * point["step"] >= record.identity["steps"]]
        runs[name] += 1
        for (before, after), after_that in zip(pairwise(curve), [*curve[2:], None], strict=False):
            if round(before["a50"] - after["a50"], 6) >= 0.1:
                fall = f"{100 * before['a50']:.1f} to {100 * after['a50']:.1f} by step {after['step']}"
                then = f", then {100 * after_that['a50']:.1f}" if after_that else ""
                fallen[name].append((record.identity["seed"], fall + then))
    return [
        f"{name}: {len(dict(found))} of {runs[name]} runs; "
        + "; ".join(f"seed {seed} from {fall}" for seed, fall in found)
        for name, found in fallen.items()
    ]


def rewards(records: Sequence[Record]) -> list[str]:
    """Section 5: what drawing dead groups again costs, and the falls of the second half of training."""
    again = [
        f"{row(record)}, {where(record)}: {record.timings['step_s_median']:.2f} s a step"
        for name in ("vlm_r1", "medloc piecewise")
        for record in chosen(records, name, f"{name} train.dynamic_sampling=3")
    ]
    return again + falls(records)


def windows(records: Sequence[Record]) -> list[str]:
    """Section 7: the raises of every window."""
    compared = chosen(records, "medloc piecewise", "medloc piecewise window.size=", "medloc piecewise window.unit=")
    return [f"{row(record)}, {where(record)}: tau {', '.join(raises(record))}" for record in compared]


def v_triune(records: Sequence[Record]) -> list[str]:
    """Section 8: how many groups of a run had two different rewards."""
    lines, without = [], 0
    for record in chosen(records, "v_triune"):
        prompts = record.config["train"]["prompts_per_step"]
        alive = sum(round(prompts * (1 - dead)) for dead in record.series["dead"])
        without += alive == 0
        change = 100 * (record.metrics["final"]["a50"] - record.metrics["zero_shot"]["a50"])
        groups = prompts * len(record.series["dead"])
        lines.append(f"{where(record)}: {alive} of {groups} groups with two rewards; A@0.5 {change:+.1f}")
    return [*lines, f"without any: {without} of {len(lines)} runs"]


def sizes(records: Sequence[Record]) -> list[str]:
    """Section 9: the raises on the larger bases, and the groups that are all-miss at the end."""
    return [
        f"{row(record)}, {where(record)}: tau {', '.join(raises(record)) or 'never raised'}; "
        f"all-miss in the last quarter {quarters(record, 'all_miss')[1]:.0f} %"
        for record in chosen(records, "medloc piecewise tiny_m", "medloc piecewise tiny_l")
    ]


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
    found = chosen(records, "medloc median", "medloc median ", "medloc_giou median ")
    return [
        f"{row(record)}, {where(record)}: tau {record.series['tau'][0]:.2f} after the first step, "
        f"{record.series['tau'][-1]:.2f} after the last"
        for record in found
    ] + falls(found)


SECTIONS: dict[str, Callable[[Sequence[Record]], list[str]]] = {
    "3": rises,
    "5": rewards,
    "7": windows,
    "8": v_triune,
    "9": sizes,
    "10": real,
    "11": medians,
}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
