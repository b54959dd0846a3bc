"""The command line: one subcommand a method, its options those of the method's request.

The last line on stdout is the result as JSON; everything else goes to stderr. Exit status: 0 done, 1 defect,
2 bad request, 3 bad input data, 4 out of memory or disk, 130 cancelled.
"""

import argparse
import json
import signal
import sys
import threading
from pathlib import Path
from typing import Any, Dict, List, Optional, Union, get_args, get_origin

from ..contract import METHODS, Method
from ..contract.errors import SolarSaliencyError
from ..contract.messages import Progress
from ..contract.options import Option, Role, options
from ..contract.version import PLUGIN_VERSION


def main(arguments: Optional[List[str]] = None) -> int:
    """Run one command; returns the exit status."""
    parsed = vars(_parser().parse_args(arguments))
    command = parsed.pop("command")
    if command == "serve":
        from .serve import serve

        return serve(parsed["log"], parsed["idle"])
    return _run(command, {name: value for name, value in parsed.items() if value is not None})


def _run(method: str, params: Any) -> int:
    from .dispatch import run_method
    from .job import Job

    cancelled = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: cancelled.set())
    try:
        result = run_method(method, params, Job(TerminalListener(), cancelled))
    except SolarSaliencyError as error:
        print(f"error: {error.message}", file=sys.stderr)
        if error.hint:
            print(f"hint: {error.hint}", file=sys.stderr)
        return error.exit_status
    print(json.dumps(result, ensure_ascii=False))
    return 0


class TerminalListener:
    """Tells a person, or a batch system's log, on stderr."""

    def progressed(self, progress: Progress) -> None:
        """A line of progress; rewritten in place on a terminal."""
        left = "" if progress.remaining is None else f", about {progress.remaining:.0f} s left"
        line = f"{progress.fraction:6.1%} {progress.message}{left}"
        if sys.stderr.isatty():
            print(f"\r\x1b[K{line}", end="" if progress.fraction < 1 else "\n", file=sys.stderr, flush=True)
        else:
            print(line, file=sys.stderr, flush=True)

    def warned(self, message: str) -> None:
        """A warning."""
        print(f"warning: {message}", file=sys.stderr, flush=True)

    def informed(self, message: str) -> None:
        """A line of information."""
        print(message, file=sys.stderr, flush=True)

    def partial(self, values: Dict[str, Any]) -> None:
        """Nothing: the result comes as a whole."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m solar_saliency_plugin.engine", description="Solar Saliency without QGIS: find solar farms."
    )
    parser.add_argument("--version", action="version", version=PLUGIN_VERSION)
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for method in METHODS.values():
        _add_method(commands, method)
    serving = commands.add_parser("serve", help="Answer JSON-RPC requests on stdin; used by the plugin.")
    serving.add_argument("--log", type=Path, help="append what libraries print to this file")
    serving.add_argument(
        "--idle", type=float, default=0.0, help="end after so many seconds without a request (0: never)"
    )
    return parser


def _add_method(commands: Any, method: Method) -> None:
    # A percent sign in help, but not in a description, would be taken for a format by argparse.
    summary = method.help.splitlines()[0].replace("%", "%%")
    command = commands.add_parser(method.name, help=summary, description=method.help)
    for o in options(method.request):
        _add_option(command, o)


def _add_option(command: argparse.ArgumentParser, o: Option) -> None:
    kind = o.type
    if get_origin(kind) is Union:
        kind = next(t for t in get_args(kind) if t is not type(None))
    text = o.help + (f" [{o.unit}]" if o.unit else "")
    if o.default not in (None, "", ()):
        text += f" Default: {o.default}."
    settings: Any = {"dest": o.name, "required": o.required, "default": None, "help": text.replace("%", "%%")}
    if kind is bool:
        command.add_argument(o.flag, action=argparse.BooleanOptionalAction, **settings)
        return
    if get_origin(kind) is tuple:
        members = get_args(kind)
        if members[-1] is Ellipsis:
            settings.update(type=members[0], nargs="+" if o.required else "*", action="extend")
        else:
            settings.update(type=members[0], nargs=len(members))
        if o.role is Role.EXTENT:
            settings.update(metavar=("XMIN", "YMIN", "XMAX", "YMAX"))
    else:
        settings.update(type=kind, choices=o.choices or None)
    command.add_argument(o.flag, **settings)


if __name__ == "__main__":
    sys.exit(main())
