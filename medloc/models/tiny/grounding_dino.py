"""The miniature GroundingDINO: the genuine classes at 0.75 million parameters, with random weights.

`python -m medloc.pretrain model=grounding_dino_tiny` trains it.
"""

import math
from string import ascii_lowercase, digits

import torch
from transformers import (
    BertConfig,
    BertTokenizer,
    GroundingDinoConfig,
    GroundingDinoForObjectDetection,
    GroundingDinoImageProcessor,
    GroundingDinoProcessor,
    SwinConfig,
)

from medloc.data.prompts import TARGETS

SIDE = 112  # px; images are squashed to SIDE x SIDE, and boxes with them
PRIOR = 0.01  # probability that a query first gives to a token
BERT_IDS = {"[PAD]": 0, "[UNK]": 100, "[CLS]": 101, "[SEP]": 102, "[MASK]": 103, ".": 1012, "?": 1029}
"""Ids that GroundingDINO's code expects: it separates phrases by BERT's ids of these tokens."""


def tiny_vocabulary() -> dict[str, int]:
    """Return a vocabulary of WordPiece: BERT's special ids, the words of the targets, single letters and digits."""
    words = dict.fromkeys(word for target in TARGETS.values() for word in target.split())
    pieces = [*words, *ascii_lowercase, *digits, *(f"##{letter}" for letter in ascii_lowercase + digits)]
    free = (number for number in range(1, max(BERT_IDS.values())) if number not in BERT_IDS.values())
    vocabulary = BERT_IDS | dict(zip(pieces, free, strict=False))
    return vocabulary | {f"[unused{number}]": number for number in free}


def tiny_detector_processor() -> GroundingDinoProcessor:
    """Build the processor: SIDE x SIDE px, BERT's tokenizer with the tiny vocabulary."""
    size = {"height": SIDE, "width": SIDE}
    return GroundingDinoProcessor(
        image_processor=GroundingDinoImageProcessor(size=size, do_pad=False),
        tokenizer=BertTokenizer(vocab=tiny_vocabulary(), model_max_length=64),
    )


def tiny_detector() -> GroundingDinoForObjectDetection:
    """Build the model with random weights.

    There are as many queries as cells in the feature maps (8 x 8 and 4 x 4), so that every cell is a proposal. The loss
    of transformers 5.23 does not train the ranking of proposals; fewer queries would keep a random subset.
    """
    config = GroundingDinoConfig(
        backbone_config=SwinConfig(
            image_size=SIDE,
            patch_size=7,
            embed_dim=32,
            depths=[1, 2, 1],
            num_heads=[2, 4, 8],
            window_size=4,
            drop_path_rate=0.0,
            out_indices=[2, 3],
        ),
        text_config=BertConfig(
            vocab_size=max(BERT_IDS.values()) + 1,
            hidden_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=64,
            max_position_embeddings=64,
        ),
        num_queries=8 * 8 + 4 * 4,
        num_feature_levels=2,
        d_model=64,
        encoder_layers=2,
        encoder_ffn_dim=128,
        encoder_attention_heads=4,
        decoder_layers=2,
        decoder_ffn_dim=128,
        decoder_attention_heads=4,
        max_text_len=64,
        dropout=0.0,
        fusion_droppath=0.0,
        auxiliary_loss=True,
    )
    model = GroundingDinoForObjectDetection(config)
    _set_prior(model)
    _enlarge_proposals(model)
    return model


def _set_prior(model: GroundingDinoForObjectDetection) -> None:
    """Set every token's initial probability to about PRIOR, as focal loss needs (arXiv:1708.02002, sec. 4.1).

    A score is a product of a query's and a token's features, so both are shifted along one direction. A random start
    has scores of +-8 on 80 queries and needs some hundred steps to bring them down.
    """
    size = model.config.d_model
    shift = torch.full((size,), math.sqrt(-math.log(PRIOR / (1 - PRIOR)) / size))
    text = model.model.encoder.layers[-1].text_enhancer_layer.layer_norm_after
    with torch.no_grad():
        text.weight.fill_(0.1)
        text.bias.copy_(shift)
        model.model.decoder.layer_norm.bias.copy_(-shift)
        model.model.query_position_embeddings.weight.sub_(shift)


def _enlarge_proposals(model: GroundingDinoForObjectDetection) -> None:
    """Set the initial size of proposals to 1/4 to 2/5 of the image instead of 1/20 to 1/10.

    The decoder attends within a proposal's own size, and the loss does not train that size.
    """
    with torch.no_grad():
        model.model.encoder_output_bbox_embed.layers[-1].bias[2:].fill_(1.8)  # logit(0.05) + 1.8 = logit(0.24)
