"""Names of data sets as tables print them, and the model families whose members stand for the paper's sizes."""

from medloc.experiments.catalog import FAMILIES, family_of

__all__ = ["DATASETS", "FAMILIES", "family_of"]

DATASETS = {"ham10000": "HAM10000", "heel": "HEEL", "tn3k": "TN3K", "manifest": "own data"}
"""Data set in a record -> its name in the paper, in the order of its columns; a manifest is in none of them."""
