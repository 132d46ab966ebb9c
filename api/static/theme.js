// Light or dark: the system's choice unless the person chose here; set before the first paint.
(function () {
  const chosen = localStorage.getItem("theme");
  if (chosen) document.documentElement.dataset.theme = chosen;
  document.addEventListener("click", (event) => {
    if (!event.target.closest("#theme")) return;
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    localStorage.setItem("theme", root.dataset.theme);
  });
})();
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
});
// Whoever signs out takes the kept roll-call page along; counts that wait stay on the device.
if (location.pathname === "/sign-in") window.caches?.delete("roll-call");
document.addEventListener("submit", (event) => {
  if (event.target.getAttribute("action") === "/sign-out") window.caches?.delete("roll-call");
});
document.addEventListener("input", (event) => {
  const shown = event.target.dataset?.shows && document.getElementById(event.target.dataset.shows);
  if (shown) shown.textContent = event.target.value;
});
document.addEventListener("DOMContentLoaded", () => {
  document.querySelector(".bar nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
});
