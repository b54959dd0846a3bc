"""Runs over a scene, window by window: flat memory, one writer, and going on after an interruption."""
