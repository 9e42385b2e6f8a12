"""Requests per second with many connections, and what each costs the server."""

import time

from . import answers, wrk
from .workload import Workload

WARM_UP_SECONDS = 1


class Throughput(Workload):
    """Requests per second, and the server's CPU time for each."""

    def __init__(self, key, title, path, is_right):
        self.key, self.title, self.path, self.is_right = key, title, path, is_right

    def check(self, name, running):
        answers.check(name, running.port, self.path, self.is_right)

    def prepare(self, name, running, plan):
        self.check(name, running)
        self.load(running, plan, WARM_UP_SECONDS)

    def load(self, running, plan, seconds):
        return wrk.run(running.url + self.path, plan.load_core, plan.connections, seconds)

    def sample(self, running, plan):
        cpu_before, started = running.cpu(), time.monotonic()
        load = self.load(running, plan, plan.seconds)
        cpu, elapsed = running.cpu() - cpu_before, time.monotonic() - started
        return {
            "per_second": load.per_second,
            "user_us": cpu.user / load.requests * 1e6,
            "kernel_us": cpu.kernel / load.requests * 1e6,
            "busy": cpu.total / elapsed,
        }
