"""Files on disk become examples: loaders, splits, prompts and phantoms."""

from medloc.data.example import Example
from medloc.data.load import LoadedDataset, load_dataset
from medloc.data.prompts import PROMPTS

__all__ = ["PROMPTS", "Example", "LoadedDataset", "load_dataset"]
