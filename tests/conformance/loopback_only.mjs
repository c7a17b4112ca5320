// Loaded into the suite before it starts: it may talk to this machine only.
// Without this the suite asks an outside relay for a channel at every start; its tests that need the relay skip then.
const LOOPBACK = new Set(["127.0.0.1", "localhost", "[::1]"]);
const fetchAnywhere = globalThis.fetch;

globalThis.fetch = async (input, init) => {
  const { hostname } = new URL(input instanceof Request ? input.url : input);
  if (!LOOPBACK.has(hostname)) throw new TypeError(`only loopback may be reached, not ${hostname}`);
  return fetchAnywhere(input, init);
};
