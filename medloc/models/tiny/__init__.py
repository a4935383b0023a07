"""The tiny bases, genuine transformers classes of 0.2 to 2.7 million parameters, and the shapes they learn from."""
