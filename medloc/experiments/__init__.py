"""Many runs at once: what the experiments want, what is there, what is missing, how long it takes, and doing it.

`python -m medloc.reproduce` is its command. Nothing here imports torch before a run needs it.
"""
