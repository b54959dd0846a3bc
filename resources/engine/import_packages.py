"""Import the packages that are named on the command line, whatever their modules are called.

Run by set-up in the new environment: that pip was content does not mean that a library finds what it needs.
"""

import importlib
import importlib.metadata
import sys

owners = importlib.metadata.packages_distributions()
for name in sys.argv[1:]:
    modules = sorted(m for m, names in owners.items() if name in names and not m.startswith("_"))
    importlib.import_module(name if name in modules else modules[0])
    print("imported", name, importlib.metadata.version(name), flush=True)
