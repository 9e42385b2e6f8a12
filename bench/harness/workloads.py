"""What is measured. A workload checks a server's answers, warms it up, and takes one sample of it.

A sample is a dictionary of figures; its keys are what figures.py and report.py ask for."""

import http.client
import time

from . import answers, documents, download, files, flat, idle, sleepers, slowloris, tasks, wrk
from .process import HOST
from .throughput import WARM_UP_SECONDS, Throughput
from .workload import Workload

SLEEPERS = 8000


class Wall(Workload):
    """How long one client waits for one answer, alone on the server."""

    def __init__(self, key, title, path, is_right):
        self.key, self.title, self.path, self.is_right = key, title, path, is_right

    def prepare(self, name, running, plan):
        answers.check(name, running.port, self.path, self.is_right)

    def sample(self, running, plan):
        started = time.perf_counter()
        connection = http.client.HTTPConnection(HOST, running.port, timeout=30)
        answers.fetch(connection, self.path)
        connection.close()
        return {"wall": time.perf_counter() - started}


class Memory(Workload):
    """Memory for each of many sleeping requests; each sample needs a server that never had so many."""

    fresh = True
    key = "memory"
    title = f"Memory for each of {SLEEPERS:,} sleeping requests"

    def prepare(self, name, running, plan):
        path = "/sleep?seconds=0.05"
        answers.check(name, running.port, path, answers.is_awake)
        wrk.run(running.url + path, plan.load_core, plan.connections, WARM_UP_SECONDS)

    def sample(self, running, plan):
        return {"bytes": sleepers.bytes_each(running, SLEEPERS)}


ALL = [
    Throughput("hello", "JSON hello", "/hello", answers.is_hello),
    Throughput("proxy", "Proxy one small answer", "/proxy", answers.is_hello),
    Throughput("aggregate", "Aggregate ten calls without delay", "/aggregate", answers.is_aggregate),
    Wall("aggregate_1s", "Aggregate ten calls of one second", "/async/api_aggregated/",
         answers.is_canonical_aggregate),
    Memory(),
    idle.Idle(),
    download.Download(),
    files.Files(),
    *documents.ALL,
    *flat.ALL,
    slowloris.Slowloris(),
    *tasks.ALL,
]

GROUPS = {name: [workload.key for workload in group.ALL]
          for name, group in (("flat", flat), ("tasks", tasks), ("json", documents))}
