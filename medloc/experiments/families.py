"""Which of our models stands where the paper has which of its own."""

FAMILIES = {
    "tiny": {
        "3B": "tiny_s",
        "7B": "tiny_m",
        "32B": "tiny_l",
        "InternVL-4B": "internvl_tiny",
        "GroundingDINO-L": "grounding_dino_tiny",
        "specialist": "specialist_tiny",
    },
    "Qwen2.5-VL": {
        "3B": "qwen2_5_vl_3b",
        "7B": "qwen2_5_vl_7b",
        "32B": "qwen2_5_vl_32b",
        "InternVL-4B": "internvl2_5_4b",
        "GroundingDINO-L": "grounding_dino_b",
        "specialist": "specialist",
    },
}
"""Family -> the paper's model, Qwen2.5-VL by its size alone -> ours; the specialist is not the paper's. Families never
share a table."""

TRAIN = {"tiny": "tiny", "Qwen2.5-VL": "paper"}
"""Family -> the preset it trains by: option of the group `train`."""


def family_of(model: str) -> str | None:
    """Return the family a model belongs to, None for a model that stands in no row."""
    return next((family for family, sizes in FAMILIES.items() if model in sizes.values()), None)


def in_family(model: str, family: str) -> str:
    """Return the model that stands in `family` where `model` stands in its own.

    Raises:
        ValueError: there is no such family.
    """
    if family not in FAMILIES:
        raise ValueError(f"family={family} is not known; use one of {', '.join(FAMILIES)}.")
    sizes = (size for models in FAMILIES.values() for size, name in models.items() if name == model)
    size = next(sizes, None)
    return model if size is None else FAMILIES[family][size]
