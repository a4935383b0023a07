"""The manifest: making, reading and checking it."""
