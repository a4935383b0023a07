"""MedLoc-R1 (arXiv:2603.28120v1), openly implemented: a reward curriculum for GRPO on medical visual grounding."""

__version__ = "0.1.0"
