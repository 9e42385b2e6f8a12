"""The servers that are compared: what each needs, how it starts, and its version.

A peer says which workloads it takes part in (`takes`); one that is not installed says what is missing
and is left out."""

import os
import pwd
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path

from . import BenchError
from .machine import output_of
from .process import HOST

BENCH = Path(__file__).resolve().parent.parent
ROOT = BENCH.parent
BUILD = ROOT / "build" / "bench"
FILES = BUILD / "files"  # what the workloads download and files serve

SERVED = frozenset({"hello", "proxy", "aggregate", "aggregate_1s", "memory", "idle", "download", "files",
                    "slowloris", "json_1k", "json_107k"})
FLAT = frozenset({"flat_hello", "flat_mix"})
TASKS = frozenset({"json_small", "json_list", "json_large", "tasks_cost", "tasks_sleepers", "tasks_cancelled", "tasks_tree", "tasks_blocking"})
BLOCKING_THREADS = 10  # so many calls of tg.blocking run at once
CONNECTIONS = 16384


class Peer:
    """What all have in common. `upstream` is the URL of the small server behind /proxy."""

    key = name = ""
    takes = frozenset()
    optional = False  # a full run may do without it

    def set_up_for(self, workload):
        """The peer as this workload wants it started."""
        return self

    def missing(self):
        """What keeps the peer from running, or None."""
        return None

    def version(self):
        raise NotImplementedError

    def command(self, port, folder, upstream):
        """The command line; `folder` is the server's own, gone when it has ended."""
        raise NotImplementedError

    def environment(self, port, upstream):
        return {}


class Floor(Peer):
    key = "floor"
    name = "floor"
    takes = frozenset({"hello"})
    source = BENCH / "floor.c"
    binary = BUILD / "floor"

    def missing(self):
        return None if shutil.which("cc") else "no C compiler"

    def version(self):
        return f"bench/floor.c, {output_of(['cc', '--version']).splitlines()[0]}"

    def build(self):
        """Compiles it when its source is newer."""
        if self.binary.exists() and self.binary.stat().st_mtime > self.source.stat().st_mtime:
            return
        BUILD.mkdir(parents=True, exist_ok=True)
        command = ["cc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-o", self.binary, self.source]
        if subprocess.run(command).returncode != 0:
            raise BenchError("bench/floor.c does not compile")

    def command(self, port, folder, upstream):
        self.build()
        return [str(self.binary), str(port)]


class Tidegate(Peer):
    key = "tidegate"
    name = "Tidegate"
    takes = SERVED | FLAT | TASKS
    binary = ROOT / "build" / "release" / "tidegate"

    def __init__(self, routes="routes"):
        self.routes = routes

    def set_up_for(self, workload):
        return Tidegate(workload.routes)

    def missing(self):
        return None if self.binary.exists() else "build/release/tidegate is not built"

    def version(self):
        return output_of([self.binary, "version"])

    def command(self, port, folder, upstream):
        FILES.mkdir(parents=True, exist_ok=True)  # app:static wants it at the start
        return [str(self.binary), "run", "--listen", f"{HOST}:{port}", "--routes",
                str(BENCH / self.routes)]

    def environment(self, port, upstream):
        return {"TIDEGATE_UPSTREAM": upstream, "BENCH_SELF": f"http://{HOST}:{port}", "BENCH_FILES": str(FILES),
                "TIDEGATE_BLOCKING_THREADS_MAX": str(BLOCKING_THREADS), "TIDEGATE_CONNECTIONS_MAX": str(CONNECTIONS)}


class Nginx(Peer):
    key = "nginx"
    name = "nginx + Lua"
    takes = SERVED
    scripts = BENCH / "nginx"
    binary = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")

    def modules(self):
        found = re.search(r"--modules-path=(\S+)", output_of([self.binary, "-V"]))
        return Path(found.group(1)) if found else Path("modules")

    def missing(self):
        if not self.binary:
            return "nginx is not installed"
        if not (self.modules() / "ngx_http_lua_module.so").exists():
            return "nginx has no Lua module (libnginx-mod-http-lua)"
        return None

    def version(self):
        package = ["dpkg-query", "-W", "-f", "${Version}", "libnginx-mod-http-lua"]
        module = output_of(package) if shutil.which("dpkg-query") else "unknown"
        return f"{output_of([self.binary, '-v']).rpartition('/')[2]}, Lua module {module}"

    def values(self, port, upstream):
        descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        return {
            "modules": self.modules(),
            "scripts": self.scripts,
            "connections": min(descriptors, CONNECTIONS),
            "upstream": upstream.removeprefix("http://"),
            "port": port,
            "files": FILES,
        }

    def command(self, port, folder, upstream):
        text = (self.scripts / "nginx.conf").read_text()
        for word, value in self.values(port, upstream).items():
            text = text.replace(f"@{word}@", str(value))
        config = folder / "nginx.conf"
        config.write_text(text)
        user = pwd.getpwuid(os.getuid()).pw_name
        directives = ["-g", f"user {user};"] if os.geteuid() == 0 else []
        return [self.binary, "-e", "stderr", "-p", f"{folder}/", "-c", str(config), *directives]


class Django(Peer):
    key = "django"
    name = "Django tutorial"
    takes = frozenset({"hello", "aggregate_1s"})

    def missing(self):
        modules = "import django, httpx"
        done = subprocess.run([sys.executable, "-c", modules], stderr=subprocess.DEVNULL)
        return None if done.returncode == 0 else "python3-django or python3-httpx is not installed"

    def version(self):
        code = "import django, httpx; print(django.__version__ + ', httpx ' + httpx.__version__)"
        return f"{output_of([sys.executable, '-c', code])}, Python {sys.version.split()[0]}, runserver"

    def command(self, port, folder, upstream):
        script = str(BENCH / "django" / "manage.py")
        return [sys.executable, script, "runserver", "--noreload", f"{HOST}:{port}"]

    def environment(self, port, upstream):
        return {"PYTHONDONTWRITEBYTECODE": "1"}


class Node(Peer):
    """The same loops with promises. Left out of what has no like in Node: spawning into a scope, cancelling."""

    key = "node"
    name = "Node"
    takes = frozenset({"tasks_cost", "tasks_sleepers"})
    optional = True
    binary = shutil.which("node") or shutil.which("nodejs")

    def missing(self):
        return None if self.binary else "nodejs is not installed"

    def version(self):
        return output_of([self.binary, "--version"])

    def command(self, port, folder, upstream):
        return [self.binary, str(BENCH / "node" / "server.js"), str(port)]


ALL = [Floor(), Tidegate(), Nginx(), Django(), Node()]
