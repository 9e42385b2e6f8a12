"""A light load at a fixed rate from one client, and how long each answer takes."""

import contextlib
import gc
import os
import socket
import time

from . import BenchError
from .process import HOST

PER_SECOND = 250
ANSWER_BYTES_MAX = 4096


@contextlib.contextmanager
def undisturbed(core):
    """On one core, and without the garbage collector's pauses."""
    usable = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        os.sched_setaffinity(0, usable)


def wait_until(due):
    """Returns when the request counts as made: where the answer before came too late, when it was due."""
    rest = due - time.perf_counter()
    if rest <= 0:
        return due
    time.sleep(rest)
    return time.perf_counter()


def ask(connection, request):
    connection.sendall(request)
    if not connection.recv(ANSWER_BYTES_MAX).startswith(b"HTTP/1.1 200"):
        raise BenchError("the light load got no right answer")


def each(port, path, core, seconds):
    """The seconds that each answer took, the shortest first."""
    request = f"GET {path} HTTP/1.1\r\nHost: {HOST}:{port}\r\n\r\n".encode()
    taken = []
    with socket.create_connection((HOST, port), timeout=10) as connection, undisturbed(core):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        due = time.perf_counter()
        for _ in range(int(PER_SECOND * seconds)):
            due += 1 / PER_SECOND
            began = wait_until(due)
            ask(connection, request)
            taken.append(time.perf_counter() - began)
    return sorted(taken)


def percentile(ordered, percent):
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
