"""A lower bound on the time of a step: the operations it needs, at this machine's rate of multiplying matrices.

PyTorch counts the operations of encoding every image once and of one pass over every distinct token. A step makes five
such passes: generation (prefill and tokens), the reference, the policy, and two for the policy's gradient.
"""

import statistics
import time
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from medloc.data.images import open_image
from medloc.data.prompts import prompt_for
from medloc.models.base import LoadedModel
from medloc.spec.run import RunSpec

PASSES = 5  # generation, reference, policy and its gradient (two)


def matrix_rate(device: torch.device, size: int = 512, repeats: int = 30) -> float:
    """Return floating-point operations per second of a square matrix product, on the threads in use."""
    a, b = torch.randn(size, size, device=device), torch.randn(size, size, device=device)
    seconds = []
    for _ in range(repeats):
        begin = time.perf_counter()
        torch.mm(a, b).sum().item()  # reading a number waits for the device
        seconds.append(time.perf_counter() - begin)
    return 2 * size**3 / statistics.median(seconds)


def floor_seconds(loaded: LoadedModel, examples: Any, settings: RunSpec) -> float:
    """Return the lower bound of one optimizer step in seconds."""
    prompts, group = settings.train.prompts_per_step, settings.train.group_size
    content = [
        {"type": "image"},
        {"type": "text", "text": prompt_for(settings.dataset.name, settings.dataset.prompt)},
    ]
    question = loaded.processor.apply_chat_template(
        [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=False
    )
    images = [open_image(one.image) for one in examples[:prompts]]
    inputs = loaded.processor(text=[question] * prompts, images=images, padding=True, return_tensors="pt")
    device = loaded.model.device
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        loaded.model(**inputs.to(device), logits_to_keep=1)
    shared = counter.get_total_flops()
    tokens = torch.zeros(prompts * group, settings.train.max_completion_length, dtype=torch.long, device=device)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        loaded.model(input_ids=tokens)
    return PASSES * (shared + counter.get_total_flops()) / matrix_rate(device)
