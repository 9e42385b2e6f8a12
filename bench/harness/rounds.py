"""Takes samples in alternating rounds: every round visits every server once, each time in another order,
so that what drifts (heat, other load) drifts for all."""

import contextlib
import statistics

from .process import serving


class Results:
    """The samples of one run: by workload, then by server, one for each round."""

    def __init__(self):
        self.samples = {}

    def add(self, workload, peer, sample):
        self.samples.setdefault(workload, {}).setdefault(peer, []).append(sample)

    def peers(self, workload):
        return list(self.samples.get(workload, {}))

    def each(self, workload, peer, metric):
        """One figure of every round; empty where it was not measured."""
        return [s[metric] for s in self.samples.get(workload, {}).get(peer, []) if metric in s]

    def median(self, workload, peer, metric):
        values = self.each(workload, peer, metric)
        return statistics.median(values) if values else None

    def ratio(self, workload, peer, other, metric):
        """The median of the rounds' ratios of two servers."""
        pairs = zip(self.each(workload, peer, metric), self.each(workload, other, metric))
        ratios = [a / b for a, b in pairs if b]
        return statistics.median(ratios) if ratios else None


def rotated(items, by):
    by %= len(items)
    return items[by:] + items[:by]


@contextlib.contextmanager
def fresh_servers(workload, plan, core, upstream):
    """Yields a function that takes one sample of a server that is started for it alone."""
    def take(peer):
        with serving(peer, core, upstream) as running:
            workload.prepare(peer.name, running, plan)
            return workload.sample(running, plan)

    yield take


@contextlib.contextmanager
def kept_servers(workload, peers, plan, core, upstream):
    """The same for servers that stay up through all rounds, idle while the others are measured."""
    with contextlib.ExitStack() as stack:
        running = {}
        for peer in peers:
            running[peer.key] = stack.enter_context(serving(peer, core, upstream))
            workload.prepare(peer.name, running[peer.key], plan)
        yield lambda peer: workload.sample(running[peer.key], plan)


def show(workload, number, peer, sample):
    figures = "  ".join(f"{key} {value:,.3f}" for key, value in sample.items())
    print(f"  {workload.key} round {number + 1}: {peer.name:16} {figures}", flush=True)


def servers_for(workload, peers, plan, core, upstream):
    if workload.fresh:
        return fresh_servers(workload, plan, core, upstream)
    return kept_servers(workload, peers, plan, core, upstream)


def measure(workload, peers, rounds, plan, core, upstream, results):
    """All rounds of one workload."""
    with servers_for(workload, peers, plan, core, upstream) as take:
        for number in range(rounds):
            for peer in rotated(peers, number):
                sample = take(peer)
                show(workload, number, peer, sample)
                results.add(workload.key, peer.key, sample)
