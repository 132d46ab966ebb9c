// Counts go into a queue on this device first and leave it only when the service has them.
(function () {
  const page = document.getElementById("roll-call");
  if (!page) return;
  const mark = document.getElementById("queue");
  const KEY = `roll-call:${page.dataset.center}`;
  let ahead = Date.parse(page.dataset.now) - Date.now();  // the service's clock minus this device's
  let sending = false;

  const read = () => JSON.parse(localStorage.getItem(KEY) || "[]");
  const write = (items) => { localStorage.setItem(KEY, JSON.stringify(items)); show(); };
  const told = (room, text) => {
    const line = document.querySelector(`form[data-room="${CSS.escape(room)}"] .told`);
    if (line) line.textContent = text;
  };

  function show(problem) {
    const waiting = read().length;
    mark.dataset.state = problem ? "stale" : waiting ? "waiting" : "empty";
    mark.className = `chip ${problem ? "bad" : waiting ? "warn" : "good"}`;
    mark.textContent = problem || (waiting ? `${waiting} waiting to be sent` : "Everything sent");
  }

  async function drain() {
    if (sending) return;
    sending = true;
    try {
      for (let items = read(); items.length; items = read()) {
        const item = items[0];
        const answer = await fetch("/v1/headcounts", {
          method: "POST",
          headers: { "Content-Type": "application/json", "X-CSRF-Token": page.dataset.csrf },
          body: JSON.stringify(item),
        });
        if (answer.status === 401 || answer.status === 403) { show("Sign in again to send"); return; }
        if (answer.status >= 500 || answer.status === 429) { show(); return; }
        const body = await answer.json();
        write(read().filter((each) => each.headcount_id !== item.headcount_id));
        told(item.room_id, answer.ok ? `Sent: ${item.children} children, ${item.adults} adults.` : `Not taken: ${body.detail}`);
      }
      show();
    } catch {
      show();  // no network: it stays in the queue
    } finally {
      sending = false;
    }
  }

  async function compareClocks() {
    try {
      const answer = await fetch("/v1/health");
      if (answer.ok) ahead = Date.parse((await answer.json()).now) - Date.now();
    } catch { /* offline: the last comparison holds */ }
  }

  document.addEventListener("click", (event) => {
    const step = event.target.closest("[data-step]");
    if (!step) return;
    const input = step.parentElement.querySelector("input");
    input.value = Math.max(0, Number(input.value || 0) + Number(step.dataset.step));
  });
  document.addEventListener("change", (event) => {
    if (!event.target.matches("[data-face]")) return;
    const form = event.target.closest("form");
    form.elements.children.value = form.querySelectorAll("[data-face]:checked").length;
  });
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-room]");
    if (!form) return;
    event.preventDefault();
    const item = {
      center_id: page.dataset.center, room_id: form.dataset.room,
      children: Number(form.elements.children.value), adults: Number(form.elements.adults.value),
      counted_at: new Date(Date.now() + ahead).toISOString(),
      headcount_id: `rc-${crypto.randomUUID ? crypto.randomUUID() : `${Date.now()}-${Math.random().toString(36).slice(2)}`}`,
    };
    write([...read(), item]);
    told(item.room_id, "Kept on this device; on its way.");
    drain();
  });
  window.addEventListener("online", drain);
  setInterval(() => { compareClocks(); drain(); }, 10000);
  show();
  drain();
})();
