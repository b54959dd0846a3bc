"""Sentinel-2 scenes in, georeferenced rasters out: bands, grids, windows, readers and writers.

Knows nobody above it: neither models nor detection.
"""
