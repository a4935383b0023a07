"""GRPO under the method's reward: the curriculum's system, and with another rule each of its RL baselines."""

from medloc.curriculum import curriculum_from
from medloc.models.semantic import semantic_fingerprint
from medloc.rewards import WATCHED, reward_for
from medloc.spec.run import CURRICULUM, RunSpec
from medloc.training.grpo.train import train_grpo
from medloc.training.grpo.trainer import Rule
from medloc.training.systems.base import Training
from medloc.training.systems.vlm import VisionLanguageSystem


class GrpoSystem(VisionLanguageSystem):
    """A vision-language model trained by GRPO; under a method that trains nothing it only answers."""

    @property
    def fingerprint(self) -> str:
        """The base's, and that of the model behind a semantic reward."""
        return self.loaded.fingerprint + semantic_fingerprint(self.settings.method)

    def train(self, training: Training) -> None:
        """Trains by `settings.method`'s rule."""
        trained = train_grpo(
            self.loaded,
            rule_of(self.settings),
            training.examples,
            self.prompt,
            self.settings,
            training.folder,
            training.trace,
            training.callbacks,
        )
        self.keep(trained)


def rule_of(settings: RunSpec) -> Rule:
    """Returns what the method's completions earn."""
    method = settings.method
    assert method.reward is not None
    config = {group: getattr(settings, group) for group in CURRICULUM}
    return Rule(
        reward=reward_for(method.reward, method.preset),
        curriculum=curriculum_from(config) if method.uses_schedule else None,
        tau=method.tau,
        format_weight=method.format_weight,
        watched=WATCHED.get(method.reward),
    )
