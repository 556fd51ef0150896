// Calls by model, drawn with uPlot, and drawn again every `data-every` seconds.

const COLOURS = ["#066fd1", "#0ca678", "#f76707", "#ae3ec9", "#f59f00", "#4299e1", "#868e96"];
const DARK_COLOURS = ["#4a9df0", "#2fc99b", "#ff8a3d", "#cc7ae0", "#f7b733", "#7cc0f5", "#a5afbd"];
const HEIGHT = 280;

/** The colours of the page, which depend on the theme. */
function colours() {
  const style = getComputedStyle(document.documentElement);
  const isDark = document.documentElement.getAttribute("data-bs-theme") === "dark";
  return {
    text: style.getPropertyValue("--tblr-secondary").trim() || "#868e96",
    grid: style.getPropertyValue("--tblr-border-color").trim() || "#dce1e7",
    lines: isDark ? DARK_COLOURS : COLOURS,
  };
}

/** The width inside the padding of a box. */
function widthOf(box) {
  const { paddingLeft, paddingRight } = getComputedStyle(box);
  return box.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight);
}

function options(box, series, zone) {
  const { text, grid, lines } = colours();
  const axis = { stroke: text, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1 } };
  return {
    width: widthOf(box),
    height: HEIGHT,
    tzDate: (seconds) => (zone ? uPlot.tzDate(new Date(seconds * 1000), zone) : new Date(seconds * 1000)),
    fmtDate: (template) => uPlot.fmtDate(template.replaceAll("{h}{aa}", "{HH}:00").replaceAll("{h}:{mm}{aa}", "{HH}:{mm}").replaceAll("{M}/{D}/{YY}", "{YYYY}-{MM}-{DD}").replaceAll("{M}/{D}", "{MM}-{DD}")),
    legend: { live: true },
    cursor: { points: { size: 6 } },
    scales: { y: { range: (_, low, high) => [0, Math.max(high * 1.05, 4)] } },
    axes: [
      axis,
      {
        ...axis,
        size: 56,
        incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000, 1000000],
        values: (_, numbers) => numbers.map((number) => number.toLocaleString("en").replaceAll(",", "\u202f")),
      },
    ],
    padding: [8, 20, 0, 0],
    series: [
      { value: "{YYYY}-{MM}-{DD} {HH}:{mm}" },
      ...series.map(({ name }, index) => ({
        label: name,
        stroke: lines[index % lines.length],
        fill: lines[index % lines.length] + "1c",
        width: 2,
        points: { show: false },
      })),
    ],
  };
}

function empty(box, text) {
  const line = document.createElement("p");
  line.className = "text-secondary chart-empty";
  line.textContent = text;
  box.replaceChildren(line);
}

async function show(box) {
  const every = Number(box.dataset.every || "15");
  let plot = null;
  let shape = "";
  const draw = async () => {
    const response = await fetch(box.dataset.chart, { headers: { Accept: "application/json" } });
    if (!response.ok) {
      if (!plot) empty(box, "The chart cannot be shown now.");
      return;
    }
    const { times, series, zone } = await response.json();
    if (!series.length) {
      plot?.destroy();
      plot = null;
      empty(box, "No calls in this time.");
      return;
    }
    const data = [times, ...series.map((one) => one.calls)];
    const wanted = series.map((one) => one.name).join("\n") + document.documentElement.getAttribute("data-bs-theme");
    if (plot && wanted === shape) {
      plot.setData(data);
      return;
    }
    plot?.destroy();
    box.replaceChildren();
    shape = wanted;
    plot = new uPlot(options(box, series, zone), data, box);
  };
  new ResizeObserver(() => plot?.setSize({ width: widthOf(box), height: HEIGHT })).observe(box);
  do {
    if (!document.hidden) await draw().catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, (every || 15) * 1000));
  } while (every);
}

addEventListener("load", () => {
  for (const box of document.querySelectorAll("[data-chart]")) show(box);
});
