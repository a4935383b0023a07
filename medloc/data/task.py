"""What a run looks for and how it asks: known for the paper's three sets, the manifest's or the user's otherwise."""

from dataclasses import replace
from pathlib import Path

from medloc.data.manifests.manifest import Header
from medloc.data.manifests.read import read_header
from medloc.data.prompts import OWN, PROMPTS, TARGETS, TEMPLATES, prompt_for
from medloc.spec.dataset import DatasetSettings


def target_of(settings: DatasetSettings) -> str:
    """Return the name of what is looked for.

    Raises:
        ValueError: the manifest cannot be used; the message names it.
    """
    if settings.name != "manifest":
        return TARGETS[settings.name]
    return settings.target or _header(settings).target


def question_of(settings: DatasetSettings, method: str | None) -> str:
    """Return the prompt: the user's, else the method's, else the data set's.

    Args:
        settings: The `dataset` group.
        method: `method.prompt`: None, a key of `medloc.data.prompts.TEMPLATES`, or a prompt.

    Raises:
        ValueError: the manifest cannot be used; the message names it.
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
        template = next((PROMPTS[name] for name, target in TARGETS.items() if target == header.target), OWN)
    return template.replace("{target}", header.target)


def _header(settings: DatasetSettings) -> Header:
    return read_header(Path(settings.manifest or "").expanduser())
