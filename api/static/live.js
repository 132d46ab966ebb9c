// The live board: tiles arrive drawn from the server; silence is said plainly.
(function () {
  const board = document.getElementById("board");
  const mark = document.getElementById("stream");
  const stale = document.getElementById("stale");
  const clock = document.getElementById("clock");
  if (!board) return;
  const silence = () => Number(mark.dataset.silence || 12000);  // milliseconds
  const center = encodeURIComponent(document.body.dataset.center);
  let source = null, heard = Date.now(), at = "";

  function show(state, text) {
    if (mark.dataset.state !== state || state === "live") mark.textContent = text;
    mark.dataset.state = state;
    stale.hidden = state !== "stale";
  }

  // What a person has opened or focused stays so when its tile is drawn anew.
  function replace(old, fresh) {
    const opened = [...old.querySelectorAll("details")].map((each) => each.open);
    const focused = old.contains(document.activeElement) ? [...old.querySelectorAll("summary, a, button")].indexOf(document.activeElement) : -1;
    fresh.querySelectorAll("details").forEach((each, index) => { each.open = Boolean(opened[index]); });
    old.replaceWith(fresh);
    if (focused >= 0) fresh.querySelectorAll("summary, a, button")[focused]?.focus({ preventScroll: true });
  }

  function parse(html) {
    const holder = document.createElement("template");
    holder.innerHTML = html;
    return holder.content;
  }

  function drawTiles(html) {
    for (const fresh of [...parse(html).querySelectorAll("article")]) {
      const old = document.getElementById(fresh.id);
      if (old) replace(old, fresh);
    }
  }

  function drawBoard(html) {
    const content = parse(html);
    for (const fresh of [...content.querySelectorAll("article")]) {
      const old = document.getElementById(fresh.id);
      if (old) old.querySelectorAll("details").forEach((each, index) => { const twin = fresh.querySelectorAll("details")[index]; if (twin) twin.open = each.open; });
    }
    board.replaceChildren(content);
  }

  // Many pages hear of one change: they ask one after the other.
  function drawSideSoon() { setTimeout(drawSide, Math.random() * 300); }

  async function drawSide() {
    const answer = await fetch(`/now/side?center=${center}`, { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    const fresh = parse(await answer.text()).firstElementChild;
    document.getElementById("side").replaceWith(fresh);
    window.htmx?.process(fresh);
  }

  function hear(event) {
    heard = Date.now();
    return event.data;
  }

  function connect() {
    source?.close();
    source = new EventSource(`/now/stream?center=${center}`);
    source.addEventListener("board", (event) => { drawBoard(hear(event)); drawSide(); });
    source.addEventListener("tiles", (event) => drawTiles(hear(event)));
    source.addEventListener("side", (event) => { hear(event); drawSideSoon(); });
    source.addEventListener("beat", (event) => {
      at = JSON.parse(hear(event)).at;
      clock.textContent = at;
      show("live", `Live ${at.slice(0, 5)}`);
    });
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) setTimeout(connect, 3000);
    };
  }

  setInterval(() => {
    if (Date.now() - heard > silence() && !document.hidden) show("stale", at ? `Stale since ${at.slice(0, 5)}` : "Stale");
  }, 1000);
  // A hidden page gives its connection back: browsers allow only a few per host.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) source?.close();
    else { heard = Date.now(); connect(); }
  });
  connect();
})();
