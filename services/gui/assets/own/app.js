// What all pages share: local times, copy buttons, questions before something is lost, the menu on small screens.
// Every page works without it.

/** A time as the pages of the ledger write it: `2026-11-30 09:28:08`, in the time zone of the browser. */
function written(moment) {
  const [month, day, ...clock] = [
    moment.getMonth() + 1, moment.getDate(), moment.getHours(), moment.getMinutes(), moment.getSeconds(),
  ].map((number) => String(number).padStart(2, "0"));
  return `${moment.getFullYear()}-${month}-${day} ${clock.join(":")}`;
}

/** Shows times in the time zone of the browser. */
function localTimes(root = document) {
  for (const element of root.querySelectorAll("time[datetime]:not([title])")) {
    const moment = new Date(element.dateTime);
    if (!Number.isNaN(moment.getTime())) {
      element.title = element.textContent;
      element.textContent = written(moment);
    }
  }
}

/** Copies the text of the element that a button names in `data-copy`. */
async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  if (!source) return;
  const text = source.value ?? source.textContent;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const range = document.createRange();
    range.selectNodeContents(source);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    return;
  }
  const label = button.querySelector("[data-label]");
  if (label) {
    const before = label.textContent;
    label.textContent = "Copied";
    setTimeout(() => (label.textContent = before), 1500);
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
  const toggle = event.target.closest("[data-reveal]");
  if (toggle) {
    const field = document.getElementById(toggle.dataset.reveal);
    field.type = field.type === "password" ? "text" : "password";
    toggle.setAttribute("aria-pressed", String(field.type === "text"));
  }
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

document.addEventListener("submit", (event) => {
  const question = event.target.dataset.ask;
  if (question && !confirm(question)) event.preventDefault();
});

for (const select of document.querySelectorAll("select[data-submit]")) {
  select.addEventListener("change", () => select.form.requestSubmit());
}

document.addEventListener("htmx:afterSwap", (event) => localTimes(event.target));
document.addEventListener("gui:rows", (event) => localTimes(event.detail));
localTimes();

// what the step of a tutorial is about
const panel = document.querySelector("[data-mark]");
if (panel) {
  const found = [...document.querySelectorAll(panel.dataset.mark)].find((element) => !panel.contains(element));
  found?.classList.add("tutorial-mark");
}

// Pages with days and hours are drawn in the time zone of the browser, unless the config or their address names one.
document.cookie = `zone=${encodeURIComponent(Intl.DateTimeFormat().resolvedOptions().timeZone)}; path=/; SameSite=Lax; max-age=31536000`;
