"""Started by ``qgis.bin --code``: plays the scenario that GUI_SCENARIO names, then ends QGIS."""

import os
import sys

sys.path.insert(0, os.environ["GUI_TESTS"])

import director
import scenarios

director.start(getattr(scenarios, os.environ["GUI_SCENARIO"])())
