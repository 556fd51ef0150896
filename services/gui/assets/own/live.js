// The live view: rows come as Server-Sent Events, already as HTML that the server has escaped.

const MOST_ROWS = 200;
const table = document.querySelector("[data-stream]");
const body = document.getElementById("calls");
const state = document.getElementById("live-state");
const button = document.getElementById("live-pause");
const empty = document.getElementById("no-calls");
let paused = false;
let withoutBus = "noBus" in state.dataset; // until a call shows that the bus is there again
let waiting = [];

function show(text, kind) {
  state.textContent = text;
  state.className = `badge live-state ${kind}`;
}

function insert(rows) {
  if (!rows.length) return;
  body.insertAdjacentHTML("afterbegin", rows.reverse().join(""));
  while (body.rows.length > MOST_ROWS) body.deleteRow(-1);
  empty.hidden = true;
  document.dispatchEvent(new CustomEvent("gui:rows", { detail: body }));
}

function tell() {
  if (!paused && withoutBus) show("not connected to the bus", "bg-red-lt");
  else if (!paused) show("streaming", "bg-green-lt");
  else show(waiting.length ? `paused, ${waiting.length} new` : "paused", "bg-orange-lt");
}

const source = new EventSource(table.dataset.stream);
source.addEventListener("open", tell);
source.addEventListener("error", () => show("reconnecting", "bg-red-lt"));
source.addEventListener("call", (event) => {
  if (withoutBus) {
    withoutBus = false;
    tell();
  }
  if (paused) {
    waiting.push(event.data);
    if (waiting.length > MOST_ROWS) waiting.shift();
    tell();
  } else {
    insert([event.data]);
  }
});

button.addEventListener("click", () => {
  paused = !paused;
  button.setAttribute("aria-pressed", String(paused));
  button.querySelector("[data-label]").textContent = paused ? "Resume" : "Pause";
  if (!paused) {
    insert(waiting);
    waiting = [];
  }
  tell();
});
