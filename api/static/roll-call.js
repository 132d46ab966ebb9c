// Counts go into a queue on this device first and leave it only when the service has them.
(function () {
  const page = document.getElementById("roll-call");
  if (!page) return;
  const mark = document.getElementById("queue");
  const offline = document.getElementById("offline");
  const KEY = `roll-call:${page.dataset.center}`;
  const CLOCK = "service-clock-ahead";  // the service's clock minus this device's, in milliseconds, as compared last
  const opened = Date.now();
  let sending = false, touched = false;

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
        if (answer.status === 401 || answer.status === 403) { show("Sign in again to send"); signInAgain(); return; }
        if (answer.status >= 500 || answer.status === 429) { show(); return; }
        const body = await answer.json();
        write(read().filter((each) => each.headcount_id !== item.headcount_id));
        told(item.room_id, answer.ok ? `Sent: ${item.children} ${item.children === 1 ? "child" : "children"}, ${item.adults} ${item.adults === 1 ? "adult" : "adults"}.` : `Not taken: ${body.detail}`);
      }
      show();
    } catch {
      show();  // no network: it stays in the queue
    } finally {
      sending = false;
    }
  }

  // A copy of the page may be older than the session: loading it anew brings the new one, or the way to sign in.
  function signInAgain() {
    if (sessionStorage.getItem("asked-anew")) return;
    sessionStorage.setItem("asked-anew", "yes");
    location.reload();
  }

  async function compareClocks() {
    try {
      const answer = await fetch("/v1/health");
      if (answer.ok) localStorage.setItem(CLOCK, Date.parse((await answer.json()).now) - Date.now());
      offline.hidden = true;
    } catch {
      offline.hidden = false;  // the last comparison holds
    }
  }

  // Keep this page and what it needs, for the next time there is no network. Browsers allow it over https and on the
  // machine itself only; elsewhere the page says so.
  async function keep() {
    if (!navigator.serviceWorker) {
      document.getElementById("origin").textContent = location.origin;
      document.getElementById("insecure").hidden = false;
      document.getElementById("opens-offline").hidden = true;
      return;
    }
    const address = location.pathname + location.search;
    const answer = await fetch(address, { headers: { Accept: "text/html" }, redirect: "manual" });
    if (!answer.ok) return;
    await navigator.serviceWorker.register("/roll-call/worker.js", { scope: "/roll-call" });
    const kept = await caches.open("roll-call");
    await kept.put(address, answer);
    await kept.addAll([...document.querySelectorAll("link[href], script[src]")].map((each) => each.href || each.src));
    page.dataset.kept = "yes";
    sessionStorage.removeItem("asked-anew");
  }

  document.addEventListener("click", (event) => {
    const step = event.target.closest("[data-step]");
    if (!step) return;
    touched = true;
    const input = step.parentElement.querySelector("input");
    input.value = Math.max(0, Number(input.value || 0) + Number(step.dataset.step));
  });
  document.addEventListener("change", (event) => {
    touched = true;
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
      counted_at: new Date(Date.now() + Number(localStorage.getItem(CLOCK) || 0)).toISOString(),
      headcount_id: `rc-${crypto.randomUUID ? crypto.randomUUID() : `${Date.now()}-${Math.random().toString(36).slice(2)}`}`,
    };
    write([...read(), item]);
    told(item.room_id, "Kept on this device; on its way.");
    drain();
  });
  // Somebody who takes the phone out again must not be shown the numbers of an hour ago.
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && !touched && navigator.onLine && Date.now() - opened > 60000) location.reload();
  });
  window.addEventListener("online", drain);
  setInterval(() => { compareClocks(); drain(); }, 10000);
  show();
  compareClocks();
  drain();
  keep().catch(() => { /* without network the copy of last time stays */ });
})();
