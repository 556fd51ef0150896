// Sets the dark or light theme before the page is drawn, for those who follow their system.
const root = document.documentElement;
const dark = matchMedia("(prefers-color-scheme: dark)");

function apply() {
  if (root.dataset.theme === "auto") {
    root.setAttribute("data-bs-theme", dark.matches ? "dark" : "light");
  }
  root.classList.toggle("dark-mode", root.getAttribute("data-bs-theme") === "dark"); // as Swagger UI calls it
}

apply();
dark.addEventListener("change", apply);
