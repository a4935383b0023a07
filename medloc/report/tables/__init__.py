"""Tables: as data (`table`), which there are (`listing`), from records (`build` and others), as files (`writers`)."""
