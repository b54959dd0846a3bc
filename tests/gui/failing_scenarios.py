"""Scenarios that go wrong, each in a way of its own: what went wrong must be told outside of QGIS."""

from director import patient
from steps import ready, settle


def asserts_in_a_step():
    """An assertion fails in a step of a step."""
    yield from ready()
    yield from wrong_step(3)


def wrong_step(count):
    yield settle(0.1)
    assert count == 4, f"{count} layers, and there should be four"


def asserts_while_it_waits():
    """What is waited for raises an error."""
    yield from ready()
    yield lambda: [][0] is None


def never_ends():
    """What is waited for does not come."""
    yield from ready()
    yield patient(lambda: False)
