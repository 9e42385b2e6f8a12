"""usage: trickle.py PORT CONNECTIONS SECONDS: slow clients of a server on this machine, in turn a byte each.

Says `open` when all are, and ends after so many seconds at most."""

import contextlib
import itertools
import socket
import sys
import time

HOST = "127.0.0.1"
BEGINNING = b"GET /hello HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
TURN_SECONDS = 10  # in which each connection sends one byte


def connect(port):
    connection = socket.create_connection((HOST, port), timeout=10)
    connection.sendall(BEGINNING)
    connection.setblocking(False)
    return connection


def is_open(connection):
    """Sends a byte of the head; the server answers only when it gives up."""
    try:
        connection.send(b"x")
        connection.recv(1)
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False


def main():
    port, count, seconds = map(int, sys.argv[1:])
    until = time.monotonic() + seconds
    with contextlib.ExitStack() as stack:
        opened = [connect(port) for _ in range(count)]
        stack.callback(lambda: [connection.close() for connection in opened])
        print("open", flush=True)
        due = time.monotonic()
        for place in itertools.cycle(range(count)):
            due += TURN_SECONDS / count
            time.sleep(max(0, due - time.monotonic()))
            if time.monotonic() > until:
                return
            if not is_open(opened[place]):
                opened[place].close()
                opened[place] = connect(port)


if __name__ == "__main__":
    main()
