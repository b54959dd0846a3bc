"""Solar Saliency: the QGIS side (bridge, gui), the engine and the contract between them."""
