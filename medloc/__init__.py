"""MedLoc-R1 (arXiv:2603.28120v1), openly implemented: a reward curriculum for GRPO on medical visual grounding."""

import logging

# transformers imports torchao where it is installed, and torch then warns of torchao's own enums
logging.getLogger("torch.utils._pytree").setLevel(logging.ERROR)

__version__ = "0.1.0"
