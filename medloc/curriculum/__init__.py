"""The paper's contribution: a reward threshold that rises when the model is ready (Equations 6 to 13).

Read `curriculum.py` first; then `window.py` (Equations 6 to 8), `criteria.py` and `strategy.py` (Equation 9),
`schedule.py` (Equations 10 to 13). `curriculum_from` builds it all from config values. Standard library only.
"""

from medloc.curriculum.build import SCHEDULES, curriculum_from
from medloc.curriculum.criteria import Criteria
from medloc.curriculum.curriculum import Curriculum, CurriculumParams, Decision, next_tau
from medloc.curriculum.schedule import Cosine, Fixed, Identical, Linear, Piecewise, Schedule
from medloc.curriculum.strategy import Strategy
from medloc.curriculum.window import Statistics, Window, WindowParams, checked_groups

__all__ = [
    "SCHEDULES",
    "Cosine",
    "Criteria",
    "Curriculum",
    "CurriculumParams",
    "Decision",
    "Fixed",
    "Identical",
    "Linear",
    "Piecewise",
    "Schedule",
    "Statistics",
    "Strategy",
    "Window",
    "WindowParams",
    "checked_groups",
    "curriculum_from",
    "next_tau",
]
