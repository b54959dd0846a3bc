"""Versions that both sides compare when they meet."""

PLUGIN_VERSION = "0.1.0"

#: Raised whenever a message changes its meaning; a worker of another protocol is refused.
PROTOCOL_VERSION = 1
