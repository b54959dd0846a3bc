"""The QGIS side of the border: the engine's private environment, its process, and its results as layers."""
