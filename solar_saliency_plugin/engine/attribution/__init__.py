"""Why the model said so: attributions of its answer to the pixels and bands of the scene."""
