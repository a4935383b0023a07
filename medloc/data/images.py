"""Opening an image for a model: RGB, whatever the file holds."""

from pathlib import Path

from PIL import Image, UnidentifiedImageError


def open_image(path: Path) -> Image.Image:
    """Returns the image as RGB; grayscale is repeated over the channels, EXIF orientation is left alone as in masks.

    Raises:
        ValueError: the file does not open as an image; the message names it.
    """
    try:
        with Image.open(path) as image:
            return image.convert("RGB")
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path}: does not open as an image ({error}); replace or remove it.") from error
