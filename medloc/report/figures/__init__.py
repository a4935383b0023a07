"""Figures of the report (`charts`, `gallery`, `files`) and of one run (`run`); matplotlib is imported only here."""
