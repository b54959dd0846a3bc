"""The engine: reads scenes, runs and explains models. Never imports qgis or PyQt."""
