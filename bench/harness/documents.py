"""JSON: what encoding and decoding cost inside the server, and a route that takes a document and gives it back."""

import http.client
import json

from . import BenchError, wrk
from .peers import BENCH, BUILD
from .process import HOST
from .tasks import OfTasks, ask
from .throughput import Throughput

ITEMS = {"json_1k": 8, "json_107k": 800}  # about 134 bytes each


def document(count):
    return [{"id": number, "name": f"item number {number}", "price": number + 0.25, "tags": ["a", "b"],
             "active": number % 2 == 0, "email": f"user{number:04}@example.com"} for number in range(1, count + 1)]


class Cost(OfTasks):
    """Times and garbage beside lua-cjson's, measured in turn in the same process."""

    columns = tuple(column for kind in ("encode", "decode") for column in (
        (f"{kind}, µs", f"{kind}_us", 2), ("÷ cjson", f"{kind}_times", 2), ("KB", f"{kind}_kb", 2),
        ("cjson's KB", f"{kind}_cjson_kb", 2)))
    note = ("CPU time of each call, and garbage that it leaves, a text not counted that is there already. lua-cjson "
            "does not put names in order, keeps 14 digits and does not look at UTF-8.")

    def __init__(self, key, title, path):
        self.key, self.title, self.path = key, title, path

    def prepare(self, name, running, plan):
        ask(running, self.path)

    def sample(self, running, plan):
        figures = {}
        for kind, cost in ask(running, self.path).items():
            figures.update({f"{kind}_{name}": value for name, value in cost.items()})
            figures[f"{kind}_times"] = cost["us"] / cost["cjson_us"]
        return figures


class Route(Throughput):
    """Requests per second of a route that decodes what it gets and encodes it again."""

    def __init__(self, key, title):
        super().__init__(key, title, "/json", None)
        self.sent = document(ITEMS[key])
        self.file = BUILD / f"{key}.json"

    def check(self, name, running):
        BUILD.mkdir(parents=True, exist_ok=True)
        self.file.write_text(json.dumps(self.sent, separators=(",", ":")))
        connection = http.client.HTTPConnection(HOST, running.port, timeout=10)
        try:
            connection.request("POST", self.path, self.file.read_bytes(), {"Content-Type": "application/json"})
            response = connection.getresponse()
            status, body = response.status, response.read()
        finally:
            connection.close()
        if status != 200 or json.loads(body) != self.sent:
            raise BenchError(f"{name} answers {self.path} with {status} and another document")

    def load(self, running, plan, seconds):
        return wrk.run(running.url + self.path, plan.load_core, plan.connections, seconds,
                       BENCH / "wrk" / "post.lua", [self.file])


ALL = [Cost("json_small", "JSON beside lua-cjson: an object of 40 B", "/json/small"),
       Cost("json_list", "JSON beside lua-cjson: a list of 100 objects, 11 KB", "/json/list"),
       Cost("json_large", "JSON beside lua-cjson: 1 MB", "/json/large"),
       Route("json_1k", "A document of 1 KB, taken and given"),
       Route("json_107k", "A document of 107 KB, taken and given")]
