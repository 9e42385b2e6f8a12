"""usage: trickle.py PORT CONNECTIONS SECONDS: slow clients of a server on this machine, in turn a byte each.

Opens them over ten seconds, so that what the server does with each does not come in bursts. Says `open` when all are,
and ends after so many seconds at most."""

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


def ticks(count, seconds):
    """0, 1, … and again, each of `count` once in a turn, for so many seconds."""
    due = time.monotonic()
    until = due + seconds
    for place in itertools.cycle(range(count)):
        due += TURN_SECONDS / count
        time.sleep(max(0, due - time.monotonic()))
        if time.monotonic() > until:
            return
        yield place


def main():
    port, count, seconds = map(int, sys.argv[1:])
    opened = []
    for place in ticks(count, seconds):
        if place == len(opened):
            opened.append(connect(port))
            if len(opened) == count:
                print("open", flush=True)
        elif not is_open(opened[place]):
            opened[place].close()
            opened[place] = connect(port)


if __name__ == "__main__":
    main()
