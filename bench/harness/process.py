"""A running server: start it on a core, wait until it listens, read its accounting, end it.

CPU time and memory are the kernel's own figures for the server's processes, its children included."""

import contextlib
import os
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from . import BenchError

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
START_SECONDS_MAX = 15
STOP_SECONDS_MAX = 10
HOST = "127.0.0.1"


@dataclass
class Cpu:
    """Seconds of CPU time used, user and kernel apart."""

    user: float
    kernel: float

    def __sub__(self, earlier):
        return Cpu(self.user - earlier.user, self.kernel - earlier.kernel)

    @property
    def total(self):
        return self.user + self.kernel


def stat_fields(pid):
    """/proc/PID/stat from its third field on; the second, the name, may contain blanks."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def children_of(parent):
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if int(stat_fields(entry.name)[1]) == parent:
                    yield int(entry.name)


@dataclass
class Running:
    """A server that listens on `port`."""

    name: str
    process: subprocess.Popen
    port: int
    log: Path

    @property
    def url(self):
        return f"http://{HOST}:{self.port}"

    def pids(self):
        if self.process.poll() is not None:
            raise BenchError(f"{self.name} ended in the middle of its work:\n{self.last_words()}")
        return [self.process.pid, *children_of(self.process.pid)]

    def cpu(self):
        user = kernel = 0
        for pid in self.pids():
            fields = stat_fields(pid)
            user += int(fields[11])
            kernel += int(fields[12])
        return Cpu(user / TICKS_PER_SECOND, kernel / TICKS_PER_SECOND)

    def memory_bytes(self):
        """The proportional set size: shared pages count once in all."""
        total = 0
        for pid in self.pids():
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
        return total

    def last_words(self):
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return "\n".join(lines[-8:]) or "(it printed nothing)"


def free_port():
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def wait_until_listening(running):
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        if running.process.poll() is not None:
            raise BenchError(f"{running.name} ended at its start:\n{running.last_words()}")
        with contextlib.suppress(OSError):
            socket.create_connection((HOST, running.port), timeout=1).close()
            return
        time.sleep(0.02)
    raise BenchError(f"{running.name} does not listen:\n{running.last_words()}")


def stop(process):
    process.terminate()
    try:
        process.wait(STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextlib.contextmanager
def serving(peer, core, upstream):
    """Runs `peer` on one core for as long as the block lasts; yields a Running."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as name:
        folder = Path(name)
        command = ["taskset", "-c", str(core), *peer.command(port, folder, upstream)]
        environment = {**os.environ, **peer.environment(port, upstream)}
        log = folder / "output.log"
        with log.open("wb") as output:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output,
                                       stderr=output, env=environment, cwd=folder)
        try:
            running = Running(peer.name, process, port, log)
            wait_until_listening(running)
            yield running
        finally:
            stop(process)
