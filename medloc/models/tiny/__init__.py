"""The tiny bases: genuine classes at about half a million parameters, and the shapes they learn from."""
