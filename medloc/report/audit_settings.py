"""Settings against settings: Section 4.1, Appendix B, Table 6 and the formulas."""

from collections.abc import Iterator
from itertools import pairwise

from medloc.curriculum.schedule import Linear
from medloc.report.finding import Finding
from medloc.report.groups import DATASETS
from medloc.report.paper import paper_table, paper_text

SHOWN = 4  # raises of the linear schedule that are listed
STAGES = ("delta1", "delta2", "beta1", "beta2")


def check_settings() -> Iterator[Finding]:
    """Yield the findings of kind "setting", and the pace of linear decay (kind "sentence")."""
    yield from _table6_default()
    yield from _regimes()
    yield _linear_pace()


def _table6_default() -> Iterator[Finding]:
    """Compare the rows of Table 6 that carry the main results with the settings of the main results."""
    main, table = paper_text()["piecewise"], paper_table(6)
    rows = {row for same in paper_text()["same"].values() for number, row in same if number == 6}
    for row in sorted(rows):
        other = {key: table.settings[row][key] for key in STAGES if table.settings[row][key] != main[key]}
        if other:
            sets = " and ".join(
                f"{DATASETS[dataset]} ({line['a50'].mean:.2f})" for dataset, line in table.rows[row].items()
            )
            printed = ", ".join(f"{key} = {value:.2f}" for key, value in other.items())
            wanted = ", ".join(f"{key} = {main[key]:.2f}" for key in other)
            follows = f"Section 4.1 and Appendix C give {wanted} for the main results, which have the same values"
            yield Finding("setting", f"Table 6, {sets}", printed, follows)


def _regimes() -> Iterator[Finding]:
    regimes, main = paper_text()["regimes"], paper_text()["piecewise"]
    for lower, upper in pairwise(regimes):
        if lower["below"] != upper["from"]:
            printed = f"regimes τ < {lower['below']:.2f} and τ ≥ {upper['from']:.2f}"
            follows = f"no regime holds for {lower['below']:.2f} ≤ τ < {upper['from']:.2f}"
            yield Finding("setting", "Appendix B", printed, follows)
    for regime, key in zip(regimes, ("beta1", "beta2"), strict=False):
        if regime["below"] != main[key]:
            follows = f"Section 4.1 has {key} = {main[key]:.2f} for the end of this step size"
            yield Finding("setting", "Appendix B", f"δ = {regime['step']:.2f} while τ < {regime['below']:.2f}", follows)
    last = regimes[-1]["from"]
    if last >= main["tau_target"]:
        follows = f"τ ends at {main['tau_target']:.2f}, so this regime never decides a raise"
        yield Finding("setting", "Appendix B", f"the last regime begins at τ = {last:.2f}", follows)


def _linear_pace() -> Finding:
    """Compute the first raises of Equation 12 with the printed settings."""
    settings, raises = paper_text()["linear"], []
    tau = settings["tau0"]
    for _ in range(SHOWN):
        raises.append(Linear(**settings).step_size(tau))
        tau += raises[-1]
    steps = ", ".join(f"{step:.3f}" for step in raises)
    follows = f"Eq. 12 raises τ by {steps} ..., each {raises[1] / raises[0]:.2f} of the one before"
    return Finding("sentence", "Section 4.2", f"“{paper_text()['linear_pace']}”", follows)
