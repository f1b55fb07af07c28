"""A worker process (``python -m harness.run.worker``): requests as JSON lines on its input, replies on its output.

Three threads: one listens, so that a worker whose parent is gone leaves at once, whatever it is doing; the main one
uses the device; one encodes, stores and replies, so that the next batch is denoised while the last one's PNGs are
written. Every reply goes through the last, in the order of the requests.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import BinaryIO

from pydantic import ValidationError

from harness.run.bench import Bench, Finish
from harness.run.protocol import Bye, Envelope, Reply
from harness.run.worker_failures import failure_of
from harness.run.worker_ops import perform
from harness.store.records import Failure


def main() -> int:
    """Serve until the parent says goodbye or is gone."""
    replies = _take_output()
    requests: SimpleQueue[Envelope | Reply] = SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, requests), daemon=True).start()
    _serve(requests, replies)
    return 0


def _take_output() -> BinaryIO:
    """Keep the output for replies; what a library prints goes to standard error from now on, the worker's log."""
    kept = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(kept, "wb")


def _listen(lines: BinaryIO, requests: SimpleQueue[Envelope | Reply]) -> None:
    for line in lines:
        request = _parse(line)
        requests.put(request)
        if isinstance(request, Envelope) and isinstance(request.request, Bye):
            return
    os._exit(0)  # the parent is gone: nobody wants the answer, and every write is whole or absent


def _parse(line: bytes) -> Envelope | Reply:
    try:
        return Envelope.model_validate_json(line)
    except ValidationError as error:
        reason = f"no request of this version's protocol ({error.error_count()} faults)"
        return Reply(id=_id_of(line), failure=Failure(kind="error", reason=reason))


def _id_of(line: bytes) -> int:
    try:
        return int(json.loads(line)["id"])
    except (ValueError, KeyError, TypeError):
        return -1


def _serve(requests: SimpleQueue[Envelope | Reply], replies: BinaryIO) -> None:
    bench = Bench()
    with ThreadPoolExecutor(max_workers=1) as hand:
        while True:
            request = requests.get()
            if isinstance(request, Reply):
                hand.submit(_send, replies, request)
            elif isinstance(request.request, Bye):
                return
            else:
                hand.submit(_finish, replies, request.id, _begin(bench, request))


def _begin(bench: Bench, envelope: Envelope) -> Finish | Failure:
    """The device's part. The error is gone when this returns, and with it the tensors that its frames held."""
    try:
        return perform(bench, envelope.request)
    except Exception as error:  # one cell's trouble, whatever it is, must not take the worker with it
        return failure_of(error)


def _finish(replies: BinaryIO, ident: int, rest: Finish | Failure) -> None:
    if isinstance(rest, Failure):
        _send(replies, Reply(id=ident, failure=rest))
        return
    try:
        reply = Reply(id=ident, answer=rest().model_dump(mode="json"))
    except Exception as error:  # as above: a full disk, say
        reply = Reply(id=ident, failure=failure_of(error))
    _send(replies, reply)


def _send(replies: BinaryIO, reply: Reply) -> None:
    try:
        replies.write(reply.model_dump_json().encode() + b"\n")
        replies.flush()
    except OSError:
        os._exit(0)  # the parent is gone


if __name__ == "__main__":
    sys.exit(main())
