"""The figures that the project promises: target, what was measured, reached or not, and by how much."""

import operator
from dataclasses import dataclass
from typing import Callable, Optional

BOUNDS = {"at least": operator.ge, "more than": operator.gt, "at most": operator.le, "under": operator.lt}


@dataclass
class Figure:
    """One promise. `value` reads it from the results; it is None where a server was left out."""

    what: str
    value: Callable
    bound: str
    target: float
    unit: str = ""
    digits: int = 2
    beside: Optional[Callable] = None

    def says(self, number):
        return f"{number:,.{self.digits}f}{self.unit}"

    def verdict(self, measured):
        if BOUNDS[self.bound](measured, self.target):
            return "yes"
        return f"**no**, by {abs(measured / self.target - 1):.1%}"

    def row(self, results):
        target = f"{self.bound} {self.says(self.target)}"
        measured = self.value(results)
        if measured is None:
            return [self.what, target, "not measured", "–"]
        beside = self.beside(results) if self.beside else ""
        return [self.what, target, self.says(measured) + beside, self.verdict(measured)]


def ratio_to(workload, other, metric):
    return lambda results: results.ratio(workload, "tidegate", other, metric)


def median_of(workload, metric):
    return lambda results: results.median(workload, "tidegate", metric)


def others_beside(workload, metric, peers, text):
    """The same figure of other servers, in brackets."""
    def beside(results):
        found = [(name, results.median(workload, key, metric)) for key, name in peers]
        listed = [f"{name} {text(value)}" for name, value in found if value is not None]
        return f" ({', '.join(listed)})" if listed else ""
    return beside


def node_beside(workload, metric, text):
    return others_beside(workload, metric, [("node", "Node")], text)


def gathers_beside(results):
    def median(metric):
        return results.median("tasks_cancelled", "tidegate", metric)

    return f" ({median('gathers'):,.0f} gathers, from {median('first'):.2f} MB to {median('last'):.2f} MB)"


SERVED = [
    Figure("JSON hello, requests/s, times the floor's",
           ratio_to("hello", "floor", "per_second"), "at least", 0.9),
    Figure("JSON hello, requests/s, times nginx + Lua's",
           ratio_to("hello", "nginx", "per_second"), "more than", 1.0),
    Figure("JSON hello, user CPU per request, times nginx + Lua's",
           ratio_to("hello", "nginx", "user_us"), "at most", 0.8),
    Figure("proxy, user CPU per request, times nginx + Lua's",
           ratio_to("proxy", "nginx", "user_us"), "at most", 0.8),
    Figure("aggregates without delay per second, times nginx + Lua's",
           ratio_to("aggregate", "nginx", "per_second"), "at least", 1.4),
    Figure("aggregate of ten calls of one second",
           median_of("aggregate_1s", "wall"), "under", 1.02, " s", 3,
           others_beside("aggregate_1s", "wall", [("nginx", "nginx + Lua"), ("django", "Django")],
                         lambda seconds: f"{seconds:.3f} s")),
    Figure("memory for each of 8,000 sleeping requests",
           median_of("memory", "bytes"), "at most", 4096, " bytes", 0,
           others_beside("memory", "bytes", [("nginx", "nginx + Lua")], lambda size: f"{size:,.0f} bytes")),
    Figure("download of one file of 1 GiB, MB/s, times nginx's",
           ratio_to("download", "nginx", "megabytes_per_second"), "at least", 0.9),
]

JSON = [
    *(Figure(f"{verb} of {what}, times lua-cjson's time", median_of(key, metric), "at most", target)
      for key, what in (("json_small", "a small object"), ("json_list", "a list of 100 objects"), ("json_large", "1 MB"))
      for verb, metric, target in (("encoding", "encode_times", 0.8), ("decoding", "decode_times", 1.0))),
    Figure("a document of 1 KB taken and given, requests/s, times nginx + Lua's",
           ratio_to("json_1k", "nginx", "per_second"), "at least", 1.2),
    Figure("… of 107 KB", ratio_to("json_107k", "nginx", "per_second"), "at least", 1.2),
]

HTTP = [
    Figure("memory for each of 10,000 idle connections",
           median_of("idle", "bytes"), "at most", 2048, " bytes", 0,
           others_beside("idle", "bytes", [("nginx", "nginx + Lua")], lambda size: f"{size:,.0f} bytes")),
    Figure("growth of memory from 100,000 hellos to 1,000,000",
           median_of("flat_hello", "growth"), "at most", 2, " %"),
    Figure("… and of a mix with bodies, 404 and answers in pieces",
           median_of("flat_mix", "growth"), "at most", 2, " %"),
    Figure("hello's p99 beside 5,000 slow connections, times that without",
           median_of("slowloris", "times"), "at most", 2, "", 2,
           others_beside("slowloris", "times", [("nginx", "nginx + Lua")], lambda times: f"{times:.2f}")),
]

TASKS = [
    Figure("spawn and join of an empty child, in a tg.scope of 1,000",
           median_of("tasks_cost", "spawn"), "under", 1.0, " µs"),
    Figure("the same in a tg.map of 1,000",
           median_of("tasks_cost", "map"), "under", 1.0, " µs", 2,
           node_beside("tasks_cost", "map", lambda us: f"{us:.2f} µs")),
    Figure("tg.gather of ten functions without I/O",
           median_of("tasks_cost", "gather"), "under", 10.0, " µs", 2,
           node_beside("tasks_cost", "gather", lambda us: f"{us:.2f} µs")),
    Figure("memory of 100,000 sleeping tasks",
           median_of("tasks_sleepers", "megabytes"), "at most", 300, " MB", 0,
           node_beside("tasks_sleepers", "megabytes", lambda size: f"{size:,.0f} MB")),
    Figure("… and from the first to the last that is awake",
           median_of("tasks_sleepers", "spread"), "under", 1.0, " s", 3,
           node_beside("tasks_sleepers", "spread", lambda seconds: f"{seconds:.3f} s")),
    Figure("growth of memory for each cancelled gather, after the first tenth",
           median_of("tasks_cancelled", "growth"), "at most", 1.0, " bytes", 2, gathers_beside),
    Figure("cancellation of a tree of 1,000 tasks",
           median_of("tasks_tree", "ms"), "under", 5.0, " ms"),
    Figure("rise of hello's p99 while ten blocking calls compute",
           median_of("tasks_blocking", "compute_rise"), "under", 2.0, " ms"),
    Figure("… while ten blocking calls wait",
           median_of("tasks_blocking", "wait_rise"), "under", 2.0, " ms"),
]

SECTIONS = [("Serving", SERVED), ("HTTP/1.1", HTTP), ("JSON", JSON), ("Tasks", TASKS)]
