"""Many requests for a small static file."""

import http.client

from . import BenchError, answers
from .peers import FILES
from .process import HOST
from .throughput import Throughput

NAME, SIZE = "small.bin", 100_000


def make_file():
    path = FILES / NAME
    FILES.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * SIZE)


class Files(Throughput):
    """The cost of each request for a file."""

    def __init__(self):
        super().__init__("files", f"Static file of {SIZE // 1000} KB", f"/files/{NAME}", None)

    def check(self, name, running):
        make_file()
        connection = http.client.HTTPConnection(HOST, running.port, timeout=10)
        try:
            status, _, body = answers.fetch(connection, self.path)
        finally:
            connection.close()
        if status != 200 or body != b"x" * SIZE:
            raise BenchError(f"{name} answers {self.path} with {status} and {len(body):,} bytes")
