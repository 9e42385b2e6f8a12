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


ALL = [
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
]
