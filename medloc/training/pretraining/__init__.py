"""Pre-training of the tiny bases."""
