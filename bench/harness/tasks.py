"""Workloads inside the process: what tasks cost, how they wake, how they are cancelled, what blocking does to them.

The servers run the loops themselves, in bench/tasks and bench/node, and answer with what they measured."""

import concurrent.futures
import contextlib
import http.client
import json
import statistics
import time

from . import BenchError, answers, latency, sleepers
from .process import HOST
from .workload import Workload

LOOPS, LOOPS_TO_WARM_UP = 200_000, 50_000
SLEEPERS, SLEEP_SECONDS = 100_000, 4
GATHERS_TO_WARM_UP = 5000
PARTS = 10  # the gathers are made in so many parts, with a look at the memory after each
TREES, TREES_TO_WARM_UP = 20, 5
START_SECONDS = 0.5  # in which blocking calls have begun
ANSWER_SECONDS_MAX = 120


def ask(running, path):
    """The JSON that the server answers."""
    connection = http.client.HTTPConnection(HOST, running.port, timeout=ANSWER_SECONDS_MAX)
    with contextlib.closing(connection):
        status, _, body = answers.fetch(connection, path)
    if status != 200:
        raise BenchError(f"{running.name} answers {path} with {status}: {body[:300]!r}")
    return json.loads(body)


@contextlib.contextmanager
def asking(running, path):
    """Asks in a thread meanwhile; yields what will have the answer."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        yield pool.submit(ask, running, path)


class OfTasks(Workload):
    routes = "tasks"


class Cost(OfTasks):
    key = "tasks_cost"
    title = "Tasks that do nothing"
    columns = (("scope:spawn, µs each", "spawn", 3), ("map, µs each", "map", 3),
               ("gather of ten, µs", "gather", 2), ("scope of one, µs", "scope", 2))
    note = ("CPU time in the server. A scope:spawn is one of 1,000 in a tg.scope, up to its end; a map is the "
            "thousandth part of a tg.map of 1,000, and of a Promise.all of 1,000; a scope of one is a whole tg.scope "
            "with one child.")

    def prepare(self, name, running, plan):
        ask(running, f"/cost?count={LOOPS_TO_WARM_UP}")

    def sample(self, running, plan):
        seconds = ask(running, f"/cost?count={LOOPS}")
        return {name: each * 1e6 for name, each in seconds.items()}


class Sleepers(OfTasks):
    key = "tasks_sleepers"
    title = f"{SLEEPERS:,} sleeping tasks"
    fresh = True
    columns = (("MB", "megabytes", 1), ("bytes each", "bytes", 0), ("first to last awake, s", "spread", 3))
    note = "All sleep until the same moment. Promises over setTimeout are Node's."

    def prepare(self, name, running, plan):
        ask(running, "/sleepers?count=1000&seconds=0.1")

    def sample(self, running, plan):
        before, started = running.memory_bytes(), time.monotonic()
        with asking(running, f"/sleepers?count={SLEEPERS}&seconds={SLEEP_SECONDS}") as answer:
            sleepers.wait_until_idle(running, started + SLEEP_SECONDS)
            grown = running.memory_bytes() - before
        if answer.result()["woken"] != SLEEPERS:
            raise BenchError(f"{running.name} did not wake every sleeper")
        return {"megabytes": grown / 1e6, "bytes": grown / SLEEPERS, "spread": answer.result()["spread_seconds"]}


class Cancelled(OfTasks):
    key = "tasks_cancelled"
    title = "Cancelled gathers"
    fresh = True
    columns = (("gathers", "gathers", 0), ("µs each", "us", 1), ("MB after a tenth", "first", 2),
               ("MB at most", "most", 2), ("MB at the end", "last", 2),
               ("growth, bytes each", "growth", 3))
    note = ("Each has three children; in turn, a handle, a scope, a deadline and a failed sibling cancel them. "
            "Memory is the whole of the process; growth is from a tenth of the gathers to the end, for each of them: "
            "what each would leave behind, had they left anything.")

    def prepare(self, name, running, plan):
        self.cancel(running, GATHERS_TO_WARM_UP)

    def cancel(self, running, count):
        """Returns the memory after it."""
        if not ask(running, f"/cancelled?count={count}")["right"]:
            raise BenchError("not every child of a cancelled gather was cancelled")
        return running.memory_bytes() / 1e6

    def sample(self, running, plan):
        before, each = running.cpu(), plan.gathers // PARTS
        megabytes = [self.cancel(running, each) for _ in range(PARTS)]
        cpu = running.cpu() - before
        return {"gathers": each * PARTS, "us": cpu.total / (each * PARTS) * 1e6,
                "first": megabytes[0], "most": max(megabytes), "last": megabytes[-1],
                "growth": (megabytes[-1] - megabytes[0]) * 1e6 / (each * (PARTS - 1))}


class Tree(OfTasks):
    key = "tasks_tree"
    title = "Cancellation of a tree of 1,000 sleeping tasks"
    columns = (("ms", "ms", 2), ("ms at most", "most", 2))
    note = (f"Gathers of ten, in gathers of ten, in a gather of ten: 1,111 tasks, of which 1,000 sleep. From the cancel "
            f"to the end of the root; the median and the longest of {TREES} trees.")

    def prepare(self, name, running, plan):
        ask(running, f"/tree?count={TREES_TO_WARM_UP}")

    def sample(self, running, plan):
        seconds = ask(running, f"/tree?count={TREES}")["seconds"]
        return {"ms": statistics.median(seconds) * 1e3, "most": max(seconds) * 1e3}


class Blocking(OfTasks):
    key = "tasks_blocking"
    title = "Latency of hello while ten blocking calls run"
    unpinned = True
    columns = (("p99 ms, none", "none", 3), ("p99 ms, they compute", "compute", 3), ("rise, ms", "compute_rise", 3),
               ("p99 ms, they wait", "wait", 3), ("rise, ms", "wait_rise", 3))
    note = (f"One client asks {latency.PER_SECOND} times a second. The server may use every core, the client's too: "
            f"ten threads that compute leave none idle.")

    def prepare(self, name, running, plan):
        answers.check(name, running.port, "/hello", answers.is_hello)
        for how in ("compute", "wait"):
            ask(running, f"/blocking/{how}?seconds=0.1")

    def p99_ms(self, running, plan):
        taken = latency.each(running.port, "/hello", plan.load_core, plan.seconds)
        return latency.percentile(taken, 99) * 1e3

    def p99_ms_beside(self, how, running, plan):
        with asking(running, f"/blocking/{how}?seconds={plan.seconds + 2 * START_SECONDS}") as answer:
            time.sleep(START_SECONDS)
            p99 = self.p99_ms(running, plan)
            if answer.done():
                raise BenchError("the blocking calls ended before they were measured")
        return p99

    def sample(self, running, plan):
        none = self.p99_ms(running, plan)
        compute = self.p99_ms_beside("compute", running, plan)
        wait = self.p99_ms_beside("wait", running, plan)
        return {"none": none, "compute": compute, "compute_rise": compute - none,
                "wait": wait, "wait_rise": wait - none}


ALL = [Cost(), Sleepers(), Cancelled(), Tree(), Blocking()]
