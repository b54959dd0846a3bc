"""How results say how they were made: the engine writes it, the QGIS side reads it back."""

#: Name of the tag, in the default metadata domain: custom domains are lost on the way from GeoTIFF to COG.
RUN_TAG = "SOLAR_SALIENCY_RUN"
