"""What a run is: one typed specification, composed once by Hydra from `conf/`, and what follows from it."""
