"""When the threshold may rise: Equation 9 and the ablations of the paper's Table 2."""

from dataclasses import dataclass

from medloc.curriculum.checks import number, require


@dataclass(frozen=True)
class Held:
    """Which of the three conditions of Equation 9 held, whether or not they were asked for."""

    reward: bool
    stability: bool
    margin: bool


@dataclass(frozen=True)
class Criteria:
    """Which conditions a raise needs, and the margin Δ.

    Attributes:
        use_reward: ask for enough hits.
        use_margin: ask for an IoU above the threshold by Δ.
        use_stability: ask for even hit rates.
        margin: Δ, smallest mean surplus of IoU over tau, in [-1, 1].
    """

    use_reward: bool
    use_margin: bool
    use_stability: bool
    margin: float

    def __post_init__(self) -> None:
        flags = {"reward": self.use_reward, "margin": self.use_margin, "stability": self.use_stability}
        for name, flag in flags.items():
            require(isinstance(flag, bool), f"criteria.use_{name}", flag, "must be true or false", "pick one")
        rule = "must not be false together with criteria.use_margin and criteria.use_stability"
        require(any(flags.values()), "criteria.use_reward", False, rule, "turn one of the three on")
        number("criteria.margin", self.margin, -1.0, 1.0, "the paper uses 0.10")

    def check(self, mean: float, std: float, surplus: float, P: float, S: float) -> Held:
        """Compare the statistics of the window with their bounds, all three inclusive.

        Args:
            mean: window mean reward r̄ of Equation 6, in [0, 1].
            std: reward standard deviation σ of Equation 7, in [0, 0.5].
            surplus: IoU margin m̄ of Equation 8, in [-1, 1].
            P: least mean reward at the present tau.
            S: greatest standard deviation at the present tau.
        """
        return Held(reward=mean >= P, stability=std <= S, margin=surplus >= self.margin)

    def satisfied(self, held: Held) -> bool:
        """Return C of Equation 9 over the conditions in use: (r̄ ≥ P) ∧ (σ ≤ S) ∧ (m̄ ≥ Δ)."""
        return (
            (held.reward or not self.use_reward)
            and (held.stability or not self.use_stability)
            and (held.margin or not self.use_margin)
        )
