"""What a run looks for and how it asks: the data set's or the manifest's words, a template, or the user's own.

Each data set's file holds the paper's question (Figures 4 and 8), word for word, without "Given task:", line breaks
joined.
"""

from dataclasses import replace
from pathlib import Path

from medloc.data.manifest import Header, read_header
from medloc.data.sets import SETS
from medloc.spec.dataset import DatasetSettings

PROMPTS = {one.name: one.prompt for one in SETS.values() if one.known_to_tiny}
"""Data set -> question, of the data sets that the tiny bases are pre-trained for: the paper's three."""

TARGETS = {one.name: one.target for one in SETS.values() if one.known_to_tiny}
"""Data set -> what is looked for, of the same data sets."""

BOXMED_RL = "Provide the bounding box for {target}."  # Appendix D of the paper
VLM_R1 = (  # the template of VLM-R1's training script
    "Please provide the bounding box coordinate of the region this sentence describes: {target}. First output the "
    "thinking process in <think> </think> tags and then output the final answer in <answer> </answer> tags. Output "
    "the final answer in JSON format."
)
CHAIN_OF_BOX = (  # ours: MedGround-R1 names a Chain-of-Box template and has not published its words
    "Locate the {target}. First output the thinking process in <think> </think> tags, with the bounding box "
    "[xmin, ymin, xmax, ymax] of every region you consider. Then output the bounding box of the {target} in "
    "<answer> </answer> tags."
)
OWN = (  # ours, in the words of the paper's three: for a target of the user's
    "Identify the image and provide the bounding box for the {target}. Ensure the bounding box accurately covers the "
    "{target} and does not include too much unrelated area. Output the bounding box coordinates in the format [xmin, "
    "ymin, xmax, ymax]. Also generate your thinking process on how you determined the bounding box."
)
TEMPLATES = {"boxmed_rl": BOXMED_RL, "vlm_r1": VLM_R1, "chain_of_box": CHAIN_OF_BOX}


def prompt_for(dataset: str, choice: str | None) -> str:
    """Return the prompt of `dataset`: `choice` is None (the paper's), a key of `TEMPLATES`, or the prompt itself."""
    if choice is None:
        return SETS[dataset].prompt
    return TEMPLATES[choice].format(target=SETS[dataset].target) if choice in TEMPLATES else choice


def known_prompts() -> list[str]:
    """Return every prompt that the tiny bases are pre-trained to answer."""
    return [prompt_for(name, choice) for choice in (None, *TEMPLATES) for name in PROMPTS]


def target_of(settings: DatasetSettings) -> str:
    """Return the name of what is looked for.

    Raises:
        ValueError: The manifest cannot be used; the message names it.
    """
    if settings.name != "manifest":
        return SETS[settings.name].target
    return settings.target or _header(settings).target


def question_of(settings: DatasetSettings, method: str | None) -> str:
    """Return the prompt: the user's, else the method's, else the data set's.

    Args:
        settings: The `dataset` group.
        method: `method.prompt`: None, a key of `medloc.data.prompts.TEMPLATES`, or a prompt.

    Raises:
        ValueError: The manifest cannot be used; the message names it.
    """
    choice = settings.prompt or method
    if settings.name != "manifest":
        return prompt_for(settings.name, choice)
    header = _header(settings)
    if choice is None and settings.target is None:
        choice = header.prompt
    return question_for(replace(header, target=settings.target or header.target, prompt=choice))


def question_for(header: Header) -> str:
    """Return the prompt of a manifest: a template by its name, its own words, or words made from its target.

    A target of one of the paper's sets is asked for in the paper's words.
    """
    if header.prompt:
        template = TEMPLATES.get(header.prompt, header.prompt)
    else:
        template = next((one.prompt for one in SETS.values() if one.target == header.target), OWN)
    return template.replace("{target}", header.target)


def _header(settings: DatasetSettings) -> Header:
    return read_header(Path(settings.manifest or "").expanduser())
