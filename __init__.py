"""The QGIS plugin Solar Saliency."""


def classFactory(iface):
    """The plugin object that QGIS drives."""
    from .solar_saliency_plugin.plugin import SolarSaliencyPlugin

    return SolarSaliencyPlugin(iface)
