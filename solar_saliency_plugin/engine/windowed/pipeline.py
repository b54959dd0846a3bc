"""Reader → network → writer: three stages, each busy while the others are.

The reader has a thread and GDAL handles of its own, so has the writer; the network stays in the caller's thread.
Queues are short, so that memory stays flat.
"""

import queue
import threading
from typing import Callable, Generic, Iterable, Iterator, Optional, TypeVar

Item = TypeVar("Item")

#: How many items wait between two stages. One being worked on and one waiting keeps every stage busy.
DEPTH = 1

#: How often a stage that waits looks whether the other side has failed, in seconds.
POLL = 0.1


class Ahead(Generic[Item]):
    """Iterates over ``source`` in a thread of its own, at most :data:`DEPTH` items ahead."""

    def __init__(self, source: Callable[[], Iterable[Item]]) -> None:
        self._source = source
        self._queue: queue.Queue[Optional[Item]] = queue.Queue(DEPTH)
        self._stopped = threading.Event()
        self._error: Optional[BaseException] = None
        self._thread = threading.Thread(target=self._work, name="scene reader", daemon=True)

    def __enter__(self) -> "Ahead[Item]":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def __iter__(self) -> Iterator[Item]:
        while True:
            item = self._queue.get()
            if item is None:
                if self._error is not None:
                    raise self._error
                return
            yield item

    def _work(self) -> None:
        try:
            for item in self._source():
                if not self._put(item):
                    return
        except BaseException as error:  # handed to the thread that waits for the items
            self._error = error
        self._put(None)

    def _put(self, item: Optional[Item]) -> bool:
        while not self._stopped.is_set():
            try:
                self._queue.put(item, timeout=POLL)
                return True
            except queue.Full:
                continue
        return False


class Behind(Generic[Item]):
    """Hands items to ``sink`` in a thread of its own; leaving the block waits until all are done."""

    def __init__(self, sink: Callable[[Item], None]) -> None:
        self._sink = sink
        self._queue: queue.Queue[Optional[Item]] = queue.Queue(DEPTH)
        self._error: Optional[BaseException] = None
        self._thread = threading.Thread(target=self._work, name="raster writer", daemon=True)

    def __enter__(self) -> "Behind[Item]":
        self._thread.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._queue.put(None)
        self._thread.join()
        if self._error is not None and kind is None:
            raise self._error

    def put(self, item: Item) -> None:
        """Hand over one item; raises what the sink raised at an earlier one."""
        if self._error is not None:
            raise self._error
        self._queue.put(item)

    def _work(self) -> None:
        while True:
            item = self._queue.get()
            if item is None:
                return
            if self._error is None:  # after a failure the queue is only emptied, so that put() never blocks
                try:
                    self._sink(item)
                except BaseException as error:  # handed to the thread that puts
                    self._error = error
