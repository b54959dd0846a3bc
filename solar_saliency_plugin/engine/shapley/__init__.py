"""Superpixels and bands as players: what each adds to the answer, by Shapley values with honest errors."""
