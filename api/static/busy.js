// Says what is going on while a form's answer is on its way, and keeps a second tap from asking twice.
document.addEventListener("submit", (event) => {
  const form = event.target.closest("[data-busy]");
  if (!form) return;
  const notice = document.getElementById("busy");
  notice.textContent = form.dataset.busy;
  notice.hidden = false;
  notice.scrollIntoView({ block: "nearest" });
  document.querySelectorAll("[data-busy] button").forEach((button) => { button.disabled = true; });
});
