"""Vision-language models: loading, the grid each family answers on, and the tiny bases this project pre-trains."""
