"""What each path must answer: looked at once for every server before it is measured."""

import http.client
import json
import re

from . import BenchError
from .process import HOST

HELLO = {"message": "Hello World!"}
DEBUG_MESSAGE = re.compile(r"fetch executed in \d+\.\d\d seconds\.")


def is_hello(value):
    return value == HELLO


def is_awake(value):
    return value == {"message": "awake"}


def is_aggregate(value):
    return value.get("responses") == [HELLO] * 10 and says_seconds(value)


def is_canonical_aggregate(value):
    expected = [{"message": "Hello World!", "task_id": str(i)} for i in range(10)]
    return value.get("responses") == expected and says_seconds(value)


def says_seconds(value):
    return DEBUG_MESSAGE.fullmatch(value.get("debug_message", "")) is not None


def fetch(connection, path):
    """One GET; returns (status, content type, body)."""
    connection.request("GET", path)
    response = connection.getresponse()
    return response.status, response.getheader("Content-Type", ""), response.read()


def check(name, port, path, is_right):
    """Asks twice on one connection; raises unless both answers are right and it was kept alive."""
    connection = http.client.HTTPConnection(HOST, port, timeout=10)
    try:
        for _ in range(2):
            status, kind, body = fetch(connection, path)
            if status != 200 or not kind.startswith("application/json") or not is_json(body, is_right):
                raise BenchError(f"{name} answers {path} with {status} {kind}: {body[:300]!r}")
            if connection.sock is None:
                raise BenchError(f"{name} does not keep the connection of {path} alive")
    finally:
        connection.close()


def is_json(body, is_right):
    try:
        return is_right(json.loads(body))
    except ValueError:
        return False
