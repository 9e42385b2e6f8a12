"""The machine: which cores do what, limits on descriptors, and a description for the report."""

import datetime
import os
import platform
import resource
import subprocess
from dataclasses import dataclass
from pathlib import Path

DESCRIPTORS_WANTED = 65536


@dataclass
class Cores:
    """Which core does what; with one core only, everything shares it."""

    server: int
    load: int
    upstream: int
    every: str

    @property
    def apart(self):
        return self.server != self.load


def cores():
    """Server, load generator and upstream on cores of their own, as far as there are any."""
    usable = sorted(os.sched_getaffinity(0))
    last = len(usable) - 1
    return Cores(usable[0], usable[min(1, last)], usable[min(2, last)], ",".join(map(str, usable)))


def raise_descriptor_limit():
    """Raises the limit that our children inherit, as far as we may; returns it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max(hard, DESCRIPTORS_WANTED) if os.geteuid() == 0 else hard
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
    except (ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def output_of(command):
    """Both outputs of a command, whatever its exit status (wrk -v fails, nginx -V uses stderr)."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.stdout.strip()


def first_value(path, key, separator):
    """The value of the first `key SEPARATOR value` line in a file such as /proc/cpuinfo."""
    for line in Path(path).read_text().splitlines():
        name, _, value = line.partition(separator)
        if name.strip() == key:
            return value.strip().strip('"')
    return "unknown"


def memory_gib():
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30


def describe():
    """Rows (what, value) on the machine, for the report; taken before the load starts."""
    now = datetime.datetime.now(datetime.timezone.utc)
    return [
        ("date", now.strftime("%Y-%m-%d %H:%M UTC")),
        ("CPU", f"{first_value('/proc/cpuinfo', 'model name', ':')}, {os.cpu_count()} cores"),
        ("memory", f"{memory_gib():.0f} GiB"),
        ("kernel", f"{platform.system()} {platform.release()} {platform.machine()}"),
        ("system", first_value("/etc/os-release", "PRETTY_NAME", "=")),
        ("load average before the run", f"{os.getloadavg()[0]:.2f}"),
    ]
