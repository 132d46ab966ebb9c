// Opens the roll-call page without network, as it was when it was seen last; the page itself keeps the copy.
const KEPT = "roll-call";
const PATIENCE = 5000;  // milliseconds a bad network gets before the copy is shown

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  const request = event.request;
  const wanted = request.mode === "navigate" || new URL(request.url).pathname.startsWith("/static/");
  if (request.method === "GET" && wanted) event.respondWith(answer(request));
});

async function answer(request) {
  const copy = await caches.match(request, { cacheName: KEPT, ignoreVary: true });
  try {
    return await fetch(request, copy ? { signal: AbortSignal.timeout(PATIENCE) } : undefined);
  } catch {
    return copy || Response.error();
  }
}
