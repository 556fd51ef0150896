// Line numbers beside the text of a config file, and Tab as two spaces. The editor works without them.

for (const editor of document.querySelectorAll("[data-editor]")) {
  const text = editor.querySelector("textarea");
  const lines = editor.querySelector(".editor-lines");
  let shown = 0;

  const number = () => {
    const count = text.value.split("\n").length;
    if (count !== shown) {
      lines.textContent = Array.from({ length: count }, (_, index) => index + 1).join("\n");
      shown = count;
    }
  };
  text.addEventListener("input", number);
  text.addEventListener("scroll", () => (lines.scrollTop = text.scrollTop));
  number();

  const jump = () => {
    const match = /^#L(\d+)$/.exec(location.hash);
    if (!match) return;
    const line = Math.min(Number(match[1]), shown);
    const before = text.value.split("\n").slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
    const end = text.value.indexOf("\n", before);
    text.focus();
    text.setSelectionRange(before, end < 0 ? text.value.length : end);
    text.scrollTop = (line - 5) * (text.scrollHeight / shown);
  };
  addEventListener("hashchange", jump);
  jump();

  let unsaved = false;
  text.addEventListener("input", () => (unsaved = true));
  text.form?.addEventListener("submit", () => (unsaved = false));
  addEventListener("beforeunload", (event) => {
    if (unsaved) event.preventDefault();
  });
}
