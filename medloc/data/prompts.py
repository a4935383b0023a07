"""The three prompts of the paper's Figures 4 and 8, word for word, without "Given task:", line breaks joined."""

DERMOSCOPY = (
    "Identify the image and provide the bounding box for the skin lesion area. Ensure the bounding box accurately "
    "covers the lesion area and does not include excessive healthy skin. The output should be four numbers "
    "representing the coordinates of the top-left and bottom-right corners of the lesion area, in the format "
    "[xmin, ymin, xmax, ymax]. Also, generate your thinking process on how you determined the bounding box."
)
XRAY = (
    "Identify the X-ray image and provide the bounding box for the calcaneus region. Ensure the bounding box "
    "accurately covers the calcaneus area and does not include too much unrelated areas. Output the bounding box "
    "coordinate in the format [xmin, ymin, xmax, ymax]. Also generate your thinking process on how you determined "
    "the bounding box."
)
ULTRASOUND = (
    "Identify the thyroid ultrasound image and provide the bounding box for any thyroid nodule present. Ensure the "
    "bounding box accurately covers the nodule area and does not include too much unrelated tissue. Output the "
    "bounding box coordinates in the format [xmin, ymin, xmax, ymax]. Generate your thinking process on how you "
    "determined the bounding box."
)

PROMPTS = {"ham10000": DERMOSCOPY, "heel": XRAY, "tn3k": ULTRASOUND}

TARGETS = {"ham10000": "skin lesion", "heel": "calcaneus region", "tn3k": "thyroid nodule"}

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
    """Returns the prompt of `dataset`: `choice` is None (the paper's), a key of `TEMPLATES`, or the prompt itself."""
    if choice is None:
        return PROMPTS[dataset]
    return TEMPLATES[choice].format(target=TARGETS[dataset]) if choice in TEMPLATES else choice


def known_prompts() -> list[str]:
    """Returns every prompt above, for every data set: what the tiny bases are pre-trained to answer."""
    return [prompt_for(name, choice) for choice in (None, *TEMPLATES) for name in PROMPTS]
