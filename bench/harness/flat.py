"""Memory over a million requests: after a tenth of them it must have come to rest."""

from . import BenchError, answers, peers, wrk
from .workload import Workload

MIX = peers.BENCH / "wrk" / "mix.lua"
MISSING_SHARE = 0.25  # of the mix: answered with 404
TOLERANCE = 0.02      # wrk stops in the middle of a turn


def check_share(load):
    """Those and no others were answered with 404."""
    if abs(load.refused / load.requests - MISSING_SHARE) > TOLERANCE:
        raise BenchError(f"{load.refused} of {load.requests} mixed requests were refused, not {MISSING_SHARE:.0%}")


class Flat(Workload):
    """Memory is the whole of the process."""

    fresh = True
    columns = (("requests", "requests", 0), ("MB after a tenth", "first", 2), ("MB at the end", "last", 2),
               ("growth, %", "growth", 2))

    def __init__(self, key, title, note, script=None):
        self.key, self.title, self.note, self.script = key, title, note, script

    def prepare(self, name, running, plan):
        answers.check(name, running.port, "/hello", answers.is_hello)

    def send(self, running, plan, count):
        """Sends at least so many requests, a second at a time; returns how many."""
        sent = 0
        while sent < count:
            load = wrk.run(f"{running.url}/hello", plan.load_core, plan.connections, 1, self.script)
            if self.script:
                check_share(load)
            sent += load.requests
        return sent

    def sample(self, running, plan):
        sent = self.send(running, plan, plan.requests // 10)
        first = running.memory_bytes()
        sent += self.send(running, plan, plan.requests - sent)
        last = running.memory_bytes()
        return {"requests": sent, "first": first / 1e6, "last": last / 1e6, "growth": (last / first - 1) * 100}


ALL = [
    Flat("flat_hello", "Memory over a million hellos",
         "Memory is the whole of the process, with new connections for each second of requests."),
    Flat("flat_mix", "Memory over a million mixed requests",
         "In turn: hello, a body of 8 KB that is read, a path that no route has, an answer in pieces.", MIX),
]
