"""One run, from its specification to its record: `runner` opens and closes it, `measure` does the work between."""
