"""What pip's last lines mean for the person who waits for them."""

import re
from typing import Iterable, Tuple

# (what pip or the interpreter printed, what is wrong, what one can do): the first that fits counts
_MEANINGS = (
    (
        r"No space left|Errno 28|not enough space",
        "the disk is full.",
        "Free some space, or set another folder for the engine.",
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED|SSLError|certificate",
        "the package index could not be trusted: its certificate is not known here.",
        "If a proxy inspects the connection, make its certificate known to pip (setting “cert”).",
    ),
    (
        r"ProxyError|Proxy Authentication|407",
        "the proxy refused the connection.",
        "Set the proxy for pip (variable HTTPS_PROXY, or pip's setting “proxy”) and start QGIS again.",
    ),
    (
        r"NewConnectionError|Connection refused|name resolution|getaddrinfo|timed out|Network is unreachable|Retrying",
        "the package index could not be reached.",
        "Check the network connection and the address of the package index, and try again.",
    ),
    (
        r"is not a trusted or secure host",
        "the package index is left aside because its address is not secure.",
        "Use its https:// address.",
    ),
    (
        r"from versions: none",
        "the package index offers nothing that fits, or could not be reached.",
        "Check the address of the package index; use another Python (3.11 is the best known).",
    ),
    (
        r"No matching distribution|Could not find a version",
        "the package index has no build of a package for this Python and system.",
        "Use another Python (3.11 is the best known) or another package index.",
    ),
    (
        r"HTTP error 40[13]|HTTP error 404",
        "the package index refused a file.",
        "Check the address of the package index.",
    ),
    (
        r"Permission denied|Access is denied|Errno 13|WinError 5",
        "a file could not be written.",
        "Check the rights on the folder; a virus scanner may hold a file: try again.",
    ),
    (r"ensurepip|No module named venv", "this Python cannot make environments.", "Install the package python3-venv."),
)


def explain(lines: Iterable[str]) -> Tuple[str, str]:
    """What went wrong and what to do, from the last lines of a failed command."""
    text = list(lines)
    for pattern, message, remedy in _MEANINGS:
        if any(re.search(pattern, line) for line in text):
            return message, remedy
    errors = [line for line in text if line.startswith("ERROR:")] or text[-1:] or ["it ended without a word"]
    return f"{errors[-1].replace('ERROR: ', '')}.", "Look into the log, and try again."
