"""Sentinel-2's bands as people call them."""

#: What people call Sentinel-2's bands.
BAND_WORDS = {
    "B01": "coastal aerosol",
    "B02": "blue",
    "B03": "green",
    "B04": "red",
    "B05": "red edge",
    "B06": "red edge",
    "B07": "red edge",
    "B08": "near infrared",
    "B8A": "narrow near infrared",
    "B09": "water vapour",
    "B10": "cirrus",
    "B11": "short-wave infrared",
    "B12": "short-wave infrared",
}


def band_text(band: str) -> str:
    """A band's name with what people call it: B04 becomes “B04 (red)”."""
    return f"{band} ({BAND_WORDS[band]})" if band in BAND_WORDS else band
