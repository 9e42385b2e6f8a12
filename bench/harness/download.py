"""One large file, read by one client as fast as it can."""

import os
import socket
import time

from . import BenchError
from .process import HOST
from .workload import Workload

GIGABYTE = 1 << 30
NAME = "large.bin"
RECEIVE_BYTES = 1 << 20


def make_file(folder):
    """The file, made once: a gigabyte that the system then has in its cache."""
    path = folder / NAME
    folder.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.stat().st_size != GIGABYTE:
        piece = os.urandom(RECEIVE_BYTES)
        with path.open("wb") as file:
            for _ in range(GIGABYTE // len(piece)):
                file.write(piece)
    with path.open("rb") as file:
        while file.read(RECEIVE_BYTES):
            pass


def read_head(connection):
    """The head of the answer, and how many bytes of its body came with it."""
    received = b""
    while b"\r\n\r\n" not in received:
        piece = connection.recv(4096)
        if not piece:
            raise BenchError("the connection was closed within the head")
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    return head, len(body)


def download(port, path):
    """The seconds that it takes, from the request to the last byte."""
    with socket.create_connection((HOST, port), timeout=30) as connection:
        started = time.perf_counter()
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {HOST}:{port}\r\nConnection: close\r\n\r\n".encode())
        head, count = read_head(connection)
        if not head.startswith(b"HTTP/1.1 200"):
            raise BenchError(f"the file is answered with {head[:80]!r}")
        buffer = bytearray(RECEIVE_BYTES)
        while size := connection.recv_into(buffer):
            count += size
        seconds = time.perf_counter() - started
    if count != GIGABYTE:
        raise BenchError(f"{count} bytes came instead of {GIGABYTE}")
    return seconds


class Download(Workload):
    key = "download"
    title = "Download of one file of 1 GiB"
    columns = (("MB/s", "megabytes_per_second", 0), ("CPU ms per GB", "cpu_ms", 0))
    note = ("One client on the load's core reads into the same memory again and again. The file is in the system's "
            "cache; nginx sends it with sendfile.")

    def prepare(self, name, running, plan):
        download(running.port, f"/files/{NAME}")

    def sample(self, running, plan):
        usable = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {plan.load_core})
        try:
            before = running.cpu()
            seconds = download(running.port, f"/files/{NAME}")
            cpu = running.cpu() - before
        finally:
            os.sched_setaffinity(0, usable)
        gigabytes = GIGABYTE / 1e9
        return {"megabytes_per_second": gigabytes * 1e3 / seconds, "cpu_ms": cpu.total / gigabytes * 1e3}
