"""Files on disk become examples: forms of annotation, data sets, phantoms, manifests, splits and prompts."""

from medloc.data.example import Example
from medloc.data.load import LoadedDataset, load_dataset
from medloc.data.prompts import PROMPTS

__all__ = ["PROMPTS", "Example", "LoadedDataset", "load_dataset"]
