"""Thousands of requests that all sleep at once in one server, and the memory that it takes for them."""

import select
import socket
import time

from . import BenchError
from .process import HOST

SLEEP_SECONDS = 6
IDLE_SECONDS = 0.5
GRACE_SECONDS = 15


def open_all(port, count):
    """Opens connections and sends one request on each; returns the sockets, answers outstanding."""
    request = (f"GET /sleep?seconds={SLEEP_SECONDS} HTTP/1.1\r\n"
               f"Host: {HOST}:{port}\r\n\r\n").encode()
    sockets = []
    try:
        for _ in range(count):
            sockets.append(socket.create_connection((HOST, port), timeout=5))
            sockets[-1].sendall(request)
    except OSError as error:
        raise BenchError(f"connection {len(sockets) + 1} of {count} sleepers: {error}") from error
    return sockets


def wait_until_idle(running, deadline):
    """Returns when the server has used no CPU time for a while: it has read every request."""
    used, since = running.cpu().total, time.monotonic()
    while time.monotonic() - since < IDLE_SECONDS:
        if time.monotonic() > deadline:
            raise BenchError("the machine is too slow: sleepers woke before all had arrived")
        time.sleep(0.05)
        now = running.cpu().total
        if now != used:
            used, since = now, time.monotonic()


def is_right(answer):
    return answer.startswith(b"HTTP/1.1 200") and b'"awake"' in answer


def read_some(one):
    """What has arrived; nothing when the peer has closed or reset the connection."""
    try:
        return one.recv(4096)
    except OSError:
        return b""


def read_all(sockets):
    """Reads one answer from each socket and counts those that are right."""
    poll = select.poll()
    waiting = {one.fileno(): one for one in sockets}
    answers = dict.fromkeys(waiting, b"")
    for descriptor in waiting:
        poll.register(descriptor, select.POLLIN)
    deadline = time.monotonic() + SLEEP_SECONDS + GRACE_SECONDS
    while waiting and time.monotonic() < deadline:
        for descriptor, _ in poll.poll(1000):
            more = read_some(waiting[descriptor])
            answers[descriptor] += more
            if not more or is_right(answers[descriptor]):
                poll.unregister(descriptor)
                del waiting[descriptor]
    return sum(is_right(answer) for answer in answers.values())


def bytes_each(running, count):
    """Memory for each of `count` requests that sleep at the same time in a server already warm."""
    before = running.memory_bytes()
    started = time.monotonic()
    sockets = open_all(running.port, count)
    try:
        wait_until_idle(running, started + SLEEP_SECONDS)
        during = running.memory_bytes()
        right = read_all(sockets)
    finally:
        for one in sockets:
            one.close()
    if right != count:
        raise BenchError(f"{count - right} of {count} sleeping requests got no right answer")
    return (during - before) / count
