"""The parts of bench/run. Read in this order: peers, process, workloads, rounds, figures, report."""


class BenchError(Exception):
    """Ends the run with one message: a figure that cannot be trusted is worse than none."""
