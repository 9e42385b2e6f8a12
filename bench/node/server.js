"use strict";

// Node's side of bench/tasks: the same loops with promises, where there is something that does the same.

const http = require("node:http");

const CHILDREN = 1000;

async function empty() {}

const ten = Array.from({ length: 10 }, () => empty);
const items = Array.from({ length: CHILDREN }, (_, place) => place);

// [what runs, how many of what is measured that makes]
const loops = {
  map: [() => Promise.all(items.map(empty)), CHILDREN],
  gather: [() => Promise.all(ten.map((fn) => fn())), 1],
};

function cpuSeconds() {
  const used = process.cpuUsage();
  return (used.user + used.system) / 1e6;
}

async function secondsEach(run, makes, count) {
  const runs = Math.ceil(count / makes);
  const started = cpuSeconds();
  for (let i = 0; i < runs; i++) {
    await run();
  }
  return (cpuSeconds() - started) / (runs * makes);
}

async function cost(query) {
  const seconds = {};
  for (const [name, [run, makes]] of Object.entries(loops)) {
    seconds[name] = await secondsEach(run, makes, Number(query.get("count")));
  }
  return seconds;
}

function sleepUntil(moment) {
  return new Promise((resolve) => setTimeout(resolve, moment - performance.now()));
}

async function sleepers(query) {
  const wakeAt = performance.now() + Number(query.get("seconds")) * 1000;
  let first;
  let last;
  const woken = await Promise.all(Array.from({ length: Number(query.get("count")) }, async () => {
    await sleepUntil(wakeAt);
    last = performance.now();
    first ??= last;
    return true;
  }));
  return { woken: woken.length, spread_seconds: (last - first) / 1000 };
}

const routes = { "/cost": cost, "/sleepers": sleepers };

http.createServer(async (request, response) => {
  const url = new URL(request.url, "http://localhost");
  const answer = routes[url.pathname];
  const status = answer ? 200 : 404;
  const body = answer ? await answer(url.searchParams) : {};
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}).listen(Number(process.argv[2]), "127.0.0.1");
