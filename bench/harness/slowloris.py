"""Hello's latency while thousands of connections send the head of a request, a byte now and then, and never all of it."""

import contextlib
import subprocess
import sys
from pathlib import Path

from . import BenchError, answers, latency
from .workload import Workload

CONNECTIONS = 5000
TIMES_LONGER = 2  # so that a pause of the machine, which hits a few answers, is not the p99
TRICKLE = Path(__file__).with_name("trickle.py")


@contextlib.contextmanager
def trickling(port, core, seconds):
    """Keeps them open in a process of its own for as long as the block lasts, and for so many seconds at most."""
    command = ["taskset", "-c", str(core), sys.executable, TRICKLE, str(port), str(CONNECTIONS), str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            if process.stdout.readline() != "open\n":
                raise BenchError("the slow connections could not be opened")
            yield process
        finally:
            process.terminate()


class Slowloris(Workload):
    key = "slowloris"
    title = f"Latency of hello beside {CONNECTIONS:,} slow connections"
    columns = (("p50 ms, none", "none_half", 3), ("p99 ms, none", "none", 3), ("p50 ms, slow ones", "slow_half", 3),
               ("p99 ms, slow ones", "slow", 3), ("p99, times", "times", 2))
    note = (f"One client asks {latency.PER_SECOND} times a second. They are opened over ten seconds, each sends a byte "
            f"of its head every ten seconds, and is opened again when the server has closed it: Tidegate closes and "
            f"accepts 500 of them a second all the while.")

    def prepare(self, name, running, plan):
        answers.check(name, running.port, "/hello", answers.is_hello)
        self.measure(running, plan)

    def measure(self, running, plan):
        taken = latency.each(running.port, "/hello", plan.load_core, TIMES_LONGER * plan.seconds)
        return [latency.percentile(taken, percent) * 1e3 for percent in (50, 99)]

    def sample(self, running, plan):
        none_half, none = self.measure(running, plan)
        with trickling(running.port, plan.load_core, TIMES_LONGER * plan.seconds + 60) as process:
            slow_half, slow = self.measure(running, plan)
            if process.poll() is not None:
                raise BenchError("the slow connections ended before the latency was measured")
        return {"none_half": none_half, "none": none, "slow_half": slow_half, "slow": slow, "times": slow / none}
