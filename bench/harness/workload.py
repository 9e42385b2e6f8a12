"""What all workloads have in common, and what they are told."""

from dataclasses import dataclass


@dataclass
class Plan:
    """How long and how hard, the same for every server."""

    load_core: int
    seconds: int
    connections: int
    gathers: int
    requests: int  # of those that measure memory over many


class Workload:
    """What is measured. It checks a server's answers and warms it up (`prepare`), and takes one sample of it."""

    key = title = ""
    routes = "routes"  # the folder of the routes that Tidegate serves
    fresh = False      # does each sample need a server of its own?
    unpinned = False   # may the server use every core?
    columns = ()       # of its table in the report, where it has its own: (title, metric, digits)
    note = ""          # what its table needs said

    def prepare(self, name, running, plan):
        raise NotImplementedError

    def sample(self, running, plan):
        raise NotImplementedError
