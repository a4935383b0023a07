"""Forms in which boxes and masks are stored, each read into the same annotations."""
