"""Started by ``qgis.bin --code``: plays the scenario that GUI_SCENARIO names, “module.function”, then ends QGIS."""

import importlib
import os
import sys

sys.path.insert(0, os.environ["GUI_TESTS"])

import director

module, _, function = os.environ["GUI_SCENARIO"].rpartition(".")
director.start(getattr(importlib.import_module(module or "scenarios"), function)())
