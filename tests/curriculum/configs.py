"""The paper's settings as plain values, for the tests."""

SCHEDULES = {
    "piecewise": {"tau0": 0.3, "tau_target": 0.8, "deltas": [0.15, 0.10, 0.05], "boundaries": [0.55, 0.75]},
    "linear": {"tau0": 0.2, "tau_target": 0.8, "delta0": 0.2},
    "cosine": {"tau0": 0.2, "tau_target": 0.8, "delta0": 0.2},
    "identical": {"tau0": 0.3, "tau_target": 0.8, "delta": 0.15},
    "fixed": {"tau": 0.5},
}
OURS = {"median": {"tau_target": 0.8, "falls": False}}
CRITERIA = {  # reward, margin, stability
    "full": (True, True, True),
    "no_reward": (False, True, True),
    "no_margin": (True, False, True),
    "no_stability": (True, True, False),
    "only_reward": (True, False, False),
    "only_margin": (False, True, False),
    "only_stability": (False, False, True),
}
STRATEGIES = {
    "adaptive": {"boundaries": [0.60, 0.75], "P": [0.80, 0.75, 0.55], "S": [0.20, 0.35, 0.40]},
    "fixed_aggressive": {"boundaries": [], "P": [0.60], "S": [0.40]},
    "fixed_moderate": {"boundaries": [], "P": [0.70], "S": [0.25]},
    "fixed_conservative": {"boundaries": [], "P": [0.80], "S": [0.15]},
}
REFRESHES = ("half", "quarter", "full", "none")
UNITS = ("step", "group")


def config(
    schedule="piecewise",
    criteria="full",
    strategy="adaptive",
    size=30,
    refresh="half",
    unit="step",
    **changes,
):
    """One configuration; `changes` are dotted keys with a double underscore, e.g. schedule__tau0=0.4."""
    reward, margin, stability = CRITERIA[criteria]
    flags = {"use_reward": reward, "use_margin": margin, "use_stability": stability}
    made = {
        "schedule": {"name": schedule} | (SCHEDULES | OURS)[schedule],
        "criteria": flags | {"margin": 0.10},
        "strategy": dict(STRATEGIES[strategy]),
        "window": {"size": size, "refresh": refresh, "unit": unit},
    }
    for key, value in changes.items():
        section, _, name = key.partition("__")
        made[section][name] = value
    return made
