// Says what is going on while a form's answer is on its way, and keeps a second tap from asking twice.
document.addEventListener("submit", (event) => {
  const form = event.target.closest("[data-busy]");
  if (!form) return;
  const notice = document.getElementById("busy");
  const name = event.submitter?.querySelector("strong")?.textContent ?? "";
  notice.textContent = `${form.dataset.busy} ${name}`.trim() + "…";
  notice.hidden = false;
  notice.scrollIntoView({ block: "nearest" });
  // The pressed button's value is read after this event, so it must not be disabled at once.
  setTimeout(() => document.querySelectorAll("[data-busy] button").forEach((button) => { button.disabled = true; }));
});
// A time typed in means that one comes later, unless it was said that one leaves early.
document.addEventListener("input", (event) => {
  const choice = event.target.matches(".how-long [name='at']") && event.target.form.elements.how;
  if (choice && choice.value === "day") choice.value = "until";
});
// Come back to by the browser's own button, the page is as it was left: drawn anew, its buttons work again.
window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
