"""Model families: loading, devices, the grid each answers on, memory estimates, and the tiny bases."""
