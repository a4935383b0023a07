"""Records in, tables and figures out; reads what runs left behind and never trains.

`python -m medloc.report` writes Table 1; `summary` closes a run; `figure1` and `overlays` draw one run.
Whatever draws imports matplotlib, and only what draws does.
"""
