"""The report: results as Markdown tables that also read well in a terminal."""

import statistics
import textwrap

from . import figures

METHOD = """
Rounds: {rounds}, alternating, {seconds} s for each measurement of requests/s. Every figure is the median over
the rounds; ratios are medians of the rounds' own ratios. One process (one worker, one thread) for each server,
access logs off, keep-alive on; wrk with one thread and {connections} connections. {pinning} Every server's
answers were checked before it was measured, and any error that wrk reports ends the run.

CPU time is the kernel's accounting of the server's processes (`/proc/PID/stat`), divided by wrk's count of
requests. The kernel splits it into user and kernel by sampling at its timer tick, so in one round the split is
good to about a tenth and the sum to 1 %. An aggregate's CPU time contains its ten inner requests, which the
server sends to itself over real sockets. "Busy" is the share of one core that the server used: well below
100 % means that it waited for wrk, for the upstream, or for other work on the machine.

The upstream of the proxy is the floor program, the same for all. Memory is the growth of the proportional set
size (`smaps_rollup`) from a warm server to the same with all the requests asleep; the kernel's own socket
buffers are not in it.
"""
LINE_WIDTH = 110


def line(cells, widths, numbers):
    """Text starts at the left of its column, numbers end at the right."""
    first = cells[0].ljust(widths[0])
    place = str.rjust if numbers else str.ljust
    rest = [place(cell, width) for cell, width in zip(cells[1:], widths[1:])]
    return "| " + " | ".join([first, *rest]) + " |"


def table(head, rows, numbers=True):
    """A table whose columns after the first hold numbers, or text."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    end = ":" if numbers else "-"
    rule = ["-" * widths[0], *["-" * (width - 1) + end for width in widths[1:]]]
    return "\n".join(line(cells, widths, numbers) for cells in [head, rule, *rows])


def number(value, digits=2):
    return "–" if value is None else f"{value:,.{digits}f}"


def throughput_row(results, workload, peer):
    def median(metric):
        return results.median(workload, peer.key, metric)

    def ratio(other, metric):
        return number(results.ratio(workload, peer.key, other, metric))

    rates = results.each(workload, peer.key, "per_second")
    return [peer.name, number(median("per_second"), 0), f"{min(rates):,.0f}–{max(rates):,.0f}",
            number(median("user_us")), number(median("kernel_us")), f"{median('busy'):.0%}",
            ratio("floor", "per_second"), ratio("nginx", "per_second"), ratio("nginx", "user_us")]


def throughput_table(results, workload, peers):
    head = ["server", "requests/s", "lowest–highest", "user µs each", "kernel µs each", "busy",
            "requests/s ÷ floor", "requests/s ÷ nginx", "user µs ÷ nginx"]
    return table(head, [throughput_row(results, workload, peer) for peer in peers])


def single_table(results, workload, peers, metric, title, digits):
    """A table for workloads with one metric."""
    rows = []
    for peer in peers:
        values = results.each(workload, peer.key, metric)
        rows.append([peer.name, number(results.median(workload, peer.key, metric), digits),
                     f"{min(values):,.{digits}f}–{max(values):,.{digits}f}",
                     number(results.ratio(workload, peer.key, "nginx", metric))])
    return table(["server", title, "lowest–highest", "÷ nginx"], rows)


def spread_cell(values, digits):
    """A median with the lowest and the highest."""
    if not values:
        return "–"
    low, high = min(values), max(values)
    return f"{number(statistics.median(values), digits)} ({low:,.{digits}f}–{high:,.{digits}f})"


def columns_table(results, workload, peers):
    """A table for workloads that say which columns it has."""
    rows = [[peer.name, *(spread_cell(results.each(workload.key, peer.key, metric), digits)
                          for _, metric, digits in workload.columns)] for peer in peers]
    return table(["server", *(title for title, _, _ in workload.columns)], rows)


def workload_table(results, workload, peers):
    measured = [peer for peer in peers if peer.key in results.peers(workload.key)]
    if workload.columns:
        return columns_table(results, workload, measured)
    if workload.key == "memory":
        return single_table(results, workload.key, measured, "bytes", "bytes each", 0)
    if workload.key == "aggregate_1s":
        return single_table(results, workload.key, measured, "wall", "seconds", 3)
    return throughput_table(results, workload.key, measured)


def figures_parts(results):
    """A table for each section of which something was measured."""
    parts = []
    for title, section in figures.SECTIONS:
        if any(figure.value(results) is not None for figure in section):
            rows = [figure.row(results) for figure in section]
            parts += [f"### {title}", table(["figure", "target", "measured", "reached"], rows, numbers=False)]
    return parts


def pinning(cores):
    if not cores.apart:
        return "This machine has one core, shared by all: these figures say little."
    return f"Cores: the server on {cores.server}, wrk on {cores.load}, the upstream on {cores.upstream}."


def method(plan, rounds, cores):
    """How it was measured, in paragraphs of even lines."""
    text = METHOD.format(rounds=rounds, seconds=plan.seconds, connections=plan.connections,
                         pinning=pinning(cores))
    return "\n\n".join(textwrap.fill(part, LINE_WIDTH) for part in text.strip().split("\n\n"))


def write(results, workloads, peers, machine, plan, rounds, cores):
    """The whole report as text."""
    parts = ["# Benchmarks", "Written by `./dev bench`; see [README.md](README.md) for what is compared.",
             "## Figures", *figures_parts(results)]
    for workload in workloads:
        parts += [f"## {workload.title}", workload_table(results, workload, peers)]
        if workload.note:
            parts.append(textwrap.fill(workload.note, LINE_WIDTH))
    about = table(["what", "value"], [list(row) for row in machine], numbers=False)
    parts += ["## Machine and versions", about,
              "## How it was measured", method(plan, rounds, cores)]
    return "\n\n".join(parts) + "\n"
