"""What the plugin adds to the QGIS window: menu, toolbar, layer actions, dialogs."""
