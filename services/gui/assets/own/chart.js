// Calls per minute by model, drawn with uPlot and drawn again every few seconds.

const EVERY_MS = 5000;
const COLOURS = ["#066fd1", "#0ca678", "#f76707", "#ae3ec9", "#f59f00", "#868e96"];

/** The colours of the page, which depend on the theme. */
function colours() {
  const style = getComputedStyle(document.documentElement);
  return {
    text: style.getPropertyValue("--tblr-secondary").trim() || "#868e96",
    grid: style.getPropertyValue("--tblr-border-color").trim() || "#dce1e7",
  };
}

function options(box, series) {
  const { text, grid } = colours();
  const axis = { stroke: text, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1 } };
  return {
    width: box.clientWidth,
    height: 260,
    legend: { live: true },
    cursor: { points: { size: 6 } },
    scales: { y: { range: (_, low, high) => [0, Math.max(high, 4)] } },
    axes: [axis, { ...axis, size: 44, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 100000] }],
    padding: [8, 24, 0, 0],
    series: [
      {},
      ...series.map(({ name }, index) => ({
        label: name,
        stroke: COLOURS[index % COLOURS.length],
        fill: COLOURS[index % COLOURS.length] + "22",
        width: 2,
        points: { show: false },
      })),
    ],
  };
}

async function show(box) {
  let plot = null;
  let names = "";
  const draw = async () => {
    const response = await fetch(box.dataset.chart, { headers: { Accept: "application/json" } });
    if (!response.ok) return;
    const { times, series } = await response.json();
    if (!series.length) return;
    const data = [times, ...series.map((one) => one.calls)];
    const wanted = series.map((one) => one.name).join("\n") + document.documentElement.getAttribute("data-bs-theme");
    if (plot && wanted === names) {
      plot.setData(data);
      return;
    }
    plot?.destroy();
    box.replaceChildren();
    names = wanted;
    plot = new uPlot(options(box, series), data, box);
  };
  new ResizeObserver(() => plot?.setSize({ width: box.clientWidth, height: 260 })).observe(box);
  for (;;) {
    if (!document.hidden) await draw().catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
}

for (const box of document.querySelectorAll("[data-chart]")) show(box);
