"""Training: real scenes and outlines in, a model folder out; and the generator of the simulated sample scene."""
