"""Values made up for the claims: what a test says, and nothing else."""

from dataclasses import dataclass, field

import numpy as np

from medloc.report.claims.read import Claim


@dataclass
class MadeUpImages:
    ious: np.ndarray
    groups: tuple = ()
    ids: tuple = ()

    def __post_init__(self):
        self.ious = np.asarray(self.ious, dtype=float)
        self.ids = self.ids or tuple(f"image {number}" for number in range(len(self.ious)))
        self.groups = self.groups or self.ids

    def scores(self, metric):
        return (self.ious >= {"a50": 0.5, "a80": 0.8}[metric]).astype(float)


@dataclass
class MadeUp:
    """Numbers by row, whatever the experiment: accuracies in percent for the seeds 42, 43 ..., or by metric."""

    accuracies: dict = field(default_factory=dict)
    curves: dict = field(default_factory=dict)
    traces: dict = field(default_factory=dict)
    pictures: dict = field(default_factory=dict)

    def seeds(self, experiment, row, dataset, metric):
        found = self.accuracies.get(row, ())
        found = found.get(metric, ()) if isinstance(found, dict) else found
        return {seed: percent / 100 for seed, percent in enumerate(found, start=42) if percent is not None}

    def images(self, experiment, row, dataset, seed):
        return self.pictures.get(row, {}).get(seed)

    def curve(self, experiment, row, dataset, seed):
        points = self.curves.get(row, {}).get(seed, [])
        return [{"step": step, "a50": accuracy} for step, accuracy in points]

    def series(self, experiment, row, dataset, seed):
        return self.traces.get(row, {}).get(seed)


def claim_of(comparisons, relation, reading=""):
    """A claim with these comparisons, whatever the paper says."""
    words = {"id": "one", "place": "Section 4.2", "quote": "ours is better", "relation": relation, "reading": reading}
    claim = Claim.model_construct(**words)
    claim.__dict__["comparisons"] = comparisons
    return claim
