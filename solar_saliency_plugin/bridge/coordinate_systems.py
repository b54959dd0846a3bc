"""How the engine is told a coordinate reference system."""

from qgis.core import QgsCoordinateReferenceSystem

from ..qgis_compat import WKT_PREFERRED

#: The authorities whose codes mean the same to every PROJ. Others are known to this QGIS alone, such as “USER:100000”.
AUTHORITIES = ("EPSG", "ESRI", "IGNF", "OGC")


def crs_text(crs: QgsCoordinateReferenceSystem) -> str:
    """A CRS by its code where every PROJ knows that, else as well-known text in one line; empty of an invalid one."""
    code = str(crs.authid())
    return code if code.partition(":")[0] in AUTHORITIES else str(crs.toWkt(WKT_PREFERRED))
