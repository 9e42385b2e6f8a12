"""The load generator: runs wrk and reads its report. An error in the report is an error of the run."""

import re
import subprocess
from dataclasses import dataclass

from . import BenchError

ERRORS = re.compile(r"^\s*(Socket errors:.*)$", re.MULTILINE)
REFUSED = re.compile(r"^\s*Non-2xx or 3xx responses: (\d+)$", re.MULTILINE)
TOTALS = re.compile(r"(\d+) requests in ")
RATE = re.compile(r"Requests/sec:\s+([\d.]+)")


@dataclass
class Load:
    """What wrk counted."""

    requests: int
    refused: int  # of these
    per_second: float


def read_report(text, url):
    """Turns wrk's report into a Load."""
    errors = ERRORS.findall(text)
    if errors:
        raise BenchError(f"wrk had errors at {url}: " + "; ".join(errors))
    refused, totals, rate = REFUSED.search(text), TOTALS.search(text), RATE.search(text)
    if not totals or not rate or int(totals.group(1)) == 0:
        raise BenchError(f"wrk measured nothing at {url}:\n{text}")
    return Load(int(totals.group(1)), int(refused.group(1)) if refused else 0, float(rate.group(1)))


def run(url, core, connections, seconds, script=None, arguments=None):
    """Loads `url` from one thread on one core; or what a Lua script makes of it. One without arguments may ask for what
    is refused."""
    command = ["taskset", "-c", str(core), "wrk", "-t1", f"-c{connections}", f"-d{seconds}s"]
    command += ["-s", str(script), url] if script else [url]
    command += ["--", *map(str, arguments)] if arguments else []
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise BenchError(f"wrk failed at {url}:\n{done.stdout}")
    load = read_report(done.stdout, url)
    if load.refused > 0 and (arguments or not script):
        raise BenchError(f"{load.refused} answers at {url} were neither 2xx nor 3xx")
    return load
