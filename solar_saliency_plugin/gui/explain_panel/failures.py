"""How the panel tells why a question got no answer, and what it offers to do about it."""

import html
from functools import partial
from typing import Callable

from qgis.PyQt.QtCore import QCoreApplication

from ....processing_algorithms.base import setup_link
from ...contract.errors import ErrorKind
from .message import Message
from .runs import Outcome
from .subject import Subject

translate = QCoreApplication.translate

#: The failures that are mended by setting the engine up.
MENDED_BY_SET_UP = (ErrorKind.ENGINE_MISSING, ErrorKind.ENGINE_OUTDATED)

#: The failures of a region that is too far from the detection that was picked.
OUT_OF_SIGHT = (ErrorKind.OUT_OF_SIGHT, ErrorKind.EXTENT_OUTSIDE)


def tell(
    message: Message,
    outcome: Outcome,
    subject: Subject,
    consented: Callable[[], None],
    explain_itself: Callable[[Subject, bool], None],
) -> None:
    """Say how the question about a subject failed.

    consented: runs what takes long. explain_itself: explains the subject's region alone, in the scene that was asked,
    or, where that does not reach it, in another one.
    """
    if outcome.kind is ErrorKind.LONG_RUN:
        message.ask(html.escape(outcome.error), translate("ExplainPanel", "Compute Anyway"), consented)
    elif _has_an_answer_itself(outcome, subject):
        itself = partial(explain_itself, subject, outcome.kind is ErrorKind.EXTENT_OUTSIDE)
        message.ask(html.escape(outcome.error), translate("ExplainPanel", "Explain the Region Itself"), itself)
    elif outcome.kind in MENDED_BY_SET_UP:
        message.fail(f"{html.escape(outcome.error)} {setup_link()}")
    elif outcome.error:
        message.fail(html.escape(outcome.error))
    else:
        message.hint(translate("ExplainPanel", "Cancelled."))


def tell_of_damage(message: Message) -> None:
    """Say that the answer of a project that was opened cannot be shown."""
    message.warn(
        translate(
            "ExplainPanel",
            "What this project remembers of an explanation is damaged, or of another version of the plugin, and is "
            "left out. Explain again.",
        )
    )


def _has_an_answer_itself(outcome: Outcome, subject: Subject) -> bool:
    """Whether the region may be explained alone: nothing is detected there, or what was picked is out of its reach."""
    if outcome.kind is ErrorKind.TARGET_EMPTY:
        return subject.is_searched
    return bool(subject.bears_on) and outcome.kind in OUT_OF_SIGHT
