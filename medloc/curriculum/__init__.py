"""The paper's contribution: a reward threshold that rises when the model is ready (Equations 6 to 13).

Read `curriculum.py` first; then `window.py` (Equations 6 to 8), `criteria.py` (Equation 9) and `schedule.py`
(Equations 10 to 13). `curriculum_from` builds it all from config values. Standard library only.
"""

from medloc.curriculum.build import curriculum_from
from medloc.curriculum.curriculum import Curriculum, CurriculumParams, Decision, next_tau
from medloc.curriculum.schedule import SCHEDULES, Schedule, config_keys
from medloc.curriculum.window import checked_groups

__all__ = [
    "SCHEDULES",
    "Curriculum",
    "CurriculumParams",
    "Decision",
    "Schedule",
    "checked_groups",
    "config_keys",
    "curriculum_from",
    "next_tau",
]
