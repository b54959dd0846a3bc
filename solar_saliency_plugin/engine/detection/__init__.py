"""From a scene to a probability raster, from there to polygons."""
