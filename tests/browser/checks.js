// What a person would see on the page. Each check answers "ok", or says what is wrong.
"use strict";

window.checks = (() => {
  const WAIT_MS = 15_000;
  const one = (selector) => document.querySelector(selector);
  const all = (selector) => [...document.querySelectorAll(selector)];
  const statusText = () => one("#status").textContent;

  function expect(condition, wrong) {
    if (!condition) throw new Error(wrong);
  }

  async function until(condition, what) {
    const deadline = performance.now() + WAIT_MS;
    while (!condition()) {
      expect(performance.now() < deadline, `${what}: not within ${WAIT_MS} ms; the page says “${statusText()}”`);
      await new Promise((next) => setTimeout(next, 20));
    }
  }

  const isRunning = () => !one("#progress").hidden;

  async function press() {
    one("#run").click();
    expect(isRunning(), "no progress is shown while the calls run");
    expect(statusText() !== "", "nothing is said while the calls run");
    await until(() => !isRunning(), "the end of the run");
    await Promise.allSettled(document.getAnimations().map((animation) => animation.finished));
  }

  const spans = (selector) => all(selector).map((bar) => {
    const { left, right, width } = bar.getBoundingClientRect();
    return { left, right, width };
  });

  function expectTenBarsAtOnce() {
    const bars = spans("#calls .bar");
    expect(bars.length === 10, `${bars.length} bars are drawn, not ten; the page says “${statusText()}”`);
    const lastStart = Math.max(...bars.map((bar) => bar.left));
    const firstEnd = Math.min(...bars.map((bar) => bar.right));
    expect(lastStart < firstEnd, "the bars do not overlap: the calls did not run at once");
    expect(bars.every((bar) => bar.width > 50), "a bar cannot be seen");
  }

  function expectComparison() {
    const [atOnce] = spans("#comparison .bar:not(.computed)");
    const inTurn = spans("#comparison .bar.computed");
    expect(inTurn.length === 10, `one after the other, ${inTurn.length} bars are drawn, not ten`);
    const ratio = (inTurn[9].right - inTurn[0].left) / atOnce.width;
    expect(ratio > 5, `one after the other is drawn only ${ratio.toFixed(1)} times as long as at once`);
  }

  const list = {
    async routes() {
      await until(() => document.readyState === "complete", "the page");
      const paths = all("tbody tr").map((row) => row.cells[1].textContent);
      for (const path of ["/", "/sync/api/", "/async/api_aggregated/"]) {
        expect(paths.includes(path), `the table has no ${path}; it has ${paths.join(" ")}`);
      }
      expect(all("tbody tr").every((row) => row.cells[2].textContent.trim() !== ""), "a route is not described");
    },

    async run() {
      const before = one("#calls .bar");
      await press();
      expectTenBarsAtOnce();
      expectComparison();
      expect(one("#calls .bar") !== before, "the bars of the run before still stand there");
      expect(/fetch executed in \d/.test(statusText()), `the page says “${statusText()}”`);
      expect(JSON.parse(one("#answer").textContent).responses.length === 10, "the answer has not ten responses");
    },

    async failure(wanted) {
      await press();
      expect(one("#status").matches(".wrong"), "a failure is not shown as one");
      expect(statusText().includes(wanted), `the page says “${statusText()}”, without “${wanted}”`);
      expect(one("#result").hidden, "bars are shown after a failure");
    },
  };

  return (name, ...args) => list[name](...args).then(() => "ok", (error) => error.message);
})();
"ok";
