"""The Explain panel: a dock in which a detection, or a drawn region, is asked why the model answers as it does.

Only :mod:`.entry` is imported when QGIS starts; the rest comes when the panel is first opened.
"""
