"""What crosses the border arrives as it was sent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solar_saliency_plugin.contract import errors, messages

CLASSES = sorted(
    (c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, errors.SolarSaliencyError)),
    key=lambda c: c.__name__,
)


@pytest.mark.parametrize("cls", CLASSES)
def test_every_error_arrives_as_its_own_class_with_message_and_hint(cls):
    arrived = errors.error_from_json(cls("What is wrong.", "What to do.").to_json())
    if "kind" in vars(cls):  # InputError and ResourceError are families, never raised themselves
        assert type(arrived) is cls
    assert (arrived.message, arrived.hint) == ("What is wrong.", "What to do.")


def test_every_kind_has_exactly_one_class():
    kinds = [vars(cls)["kind"] for cls in CLASSES if "kind" in vars(cls)]
    assert sorted(kinds) == sorted(errors.ErrorKind)


def test_an_error_of_an_unknown_kind_still_arrives():
    arrived = errors.error_from_json({"code": 1, "message": "New.", "data": {"kind": "from_the_future"}})
    assert type(arrived) is errors.SolarSaliencyError and arrived.message == "New."


def test_exit_statuses_are_those_of_the_architecture():
    assert errors.RequestError("").exit_status == 2
    assert errors.SceneNotFoundError("").exit_status == 3
    assert errors.DiskFullError("").exit_status == 4
    assert errors.CancelledError("").exit_status == 130


@given(text=st.text(), number=st.integers())
def test_a_message_is_one_line_and_arrives_whole(text, number):
    line = messages.encode(messages.request(number, "detect", {"scene": text}))
    assert line.count(b"\n") == 1 and line.endswith(b"\n")
    assert messages.decode(line)["params"] == {"scene": text}


@pytest.mark.parametrize("line", [b"", b"hello", b"[]", b"{}", b'{"jsonrpc": "1.0"}', b"\xff\xfe"])
def test_a_line_that_is_no_message_is_told_apart(line):
    with pytest.raises(ValueError):
        messages.decode(line)
