"""Stages run side by side, and a failure in one reaches the caller."""

import threading
import time

import pytest

from solar_saliency_plugin.engine.windowed.pipeline import DEPTH, Ahead, Behind


def test_items_come_in_order_and_complete():
    with Ahead(lambda: range(100)) as items:
        assert list(items) == list(range(100))


def test_the_reader_is_never_more_than_its_depth_ahead():
    read = []

    def source():
        for i in range(20):
            read.append(i)
            yield i

    with Ahead(source) as items:
        for i in items:
            time.sleep(0.005)
            # One is being worked on here, DEPTH wait, one more may be in the reader's hands.
            assert len(read) <= i + 1 + DEPTH + 1


def test_a_failing_reader_fails_the_caller_after_the_items_before_it():
    def source():
        yield 1
        raise OSError("truncated")

    got = []
    with pytest.raises(OSError, match="truncated"), Ahead(source) as items:
        for item in items:
            got.append(item)
    assert got == [1]


def test_leaving_early_stops_the_reader():
    def endless():
        while True:
            yield 0

    before = threading.active_count()
    with Ahead(endless) as items:
        next(iter(items))
    assert threading.active_count() == before


def test_everything_put_is_done_when_the_block_is_left():
    done = []
    with Behind(lambda item: (time.sleep(0.002), done.append(item))) as behind:
        for i in range(20):
            behind.put(i)
    assert done == list(range(20))


def test_a_failing_writer_fails_the_caller_and_never_blocks_it():
    def sink(item):
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"), Behind(sink) as behind:
        for i in range(50):
            behind.put(i)


def test_the_callers_own_failure_is_not_hidden_by_the_writers():
    def sink(item):
        raise OSError("second")

    with pytest.raises(KeyError, match="first"), Behind(sink) as behind:
        behind.put(1)
        raise KeyError("first")
