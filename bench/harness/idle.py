"""Thousands of connections that have had one answer and wait, and the memory that it takes for them."""

import contextlib
import socket

from . import BenchError, answers, latency, wrk
from .process import HOST
from .throughput import WARM_UP_SECONDS
from .workload import Workload

CONNECTIONS = 10_000


def open_all(running, stack):
    """Opens connections that the stack closes, and makes one request on each, so that all are kept alive."""
    request = f"GET /hello HTTP/1.1\r\nHost: {HOST}:{running.port}\r\n\r\n".encode()
    opened = []
    for _ in range(CONNECTIONS):
        connection = stack.enter_context(socket.create_connection((HOST, running.port), timeout=5))
        latency.ask(connection, request)
        opened.append(connection)
    return opened


def is_open(connection):
    """Nothing has come, not even the end."""
    connection.setblocking(False)
    try:
        connection.recv(1)
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False


class Idle(Workload):
    key = "idle"
    title = f"Memory for each of {CONNECTIONS:,} idle connections"
    fresh = True
    columns = (("bytes each", "bytes", 0),)
    note = "Each connection has had one answer and is kept alive."

    def prepare(self, name, running, plan):
        answers.check(name, running.port, "/hello", answers.is_hello)
        wrk.run(running.url + "/hello", plan.load_core, plan.connections, WARM_UP_SECONDS)

    def sample(self, running, plan):
        before = running.memory_bytes()
        with contextlib.ExitStack() as stack:
            opened = open_all(running, stack)
            grown = running.memory_bytes() - before
            alive = sum(map(is_open, opened))
        if alive != CONNECTIONS:
            raise BenchError(f"{running.name} closed {CONNECTIONS - alive} of {CONNECTIONS} idle connections")
        return {"bytes": grown / CONNECTIONS}
