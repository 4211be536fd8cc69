// The WebSocket: keeps it open, knows the server's time, takes messages apart.

const PING_MS = 2000;
const SILENCE_MS = 6000; // the server speaks every second; longer silence is a dead line
const LONGEST_WAIT_MS = 10000;

const decoder = new TextDecoder();

/**
 * Takes a preview (pipeline/preview.py) apart: { header, picture, film }; neither: only boxes.
 * film (pipeline/film.py): { group, first, codec, description, units }, the camera's own video.
 */
export function parsePreview(buffer) {
  const length = new DataView(buffer).getUint32(0);
  const { film, ...header } = JSON.parse(decoder.decode(new Uint8Array(buffer, 4, length)));
  const bytes = new Uint8Array(buffer, 4 + length);
  if (film) return { header, picture: null, film: { ...film, units: cut(bytes, film.sizes) } };
  return { header, picture: bytes.length ? new Blob([bytes], { type: "image/jpeg" }) : null, film: null };
}

function cut(bytes, sizes) {
  let end = 0;
  return sizes.map((size) => bytes.subarray(end, (end += size)));
}

/** The server's clock, measured by pings: the quickest of the last few knows best. */
export class ServerClock {
  constructor() {
    this.samples = [];
    this.offset = (Date.now() - performance.now()) / 1000;
  }

  /** Seconds since the epoch, by the server's clock. */
  now() {
    return performance.now() / 1000 + this.offset;
  }

  measure(sent, server) {
    const received = performance.now() / 1000;
    this.samples.push({ trip: received - sent, offset: server - (sent + received) / 2 });
    if (this.samples.length > 8) this.samples.shift();
    this.offset = this.samples.reduce((a, b) => (b.trip < a.trip ? b : a)).offset;
  }
}

/**
 * Dispatches "message" (detail: a JSON message), "preview" (detail: see `parsePreview`; whoever
 * prevents the default says itself when it has been dealt with: see `receipt`) and
 * "state" (detail: { state: "open" | "lost" | "refused", retryAt }, retryAt by performance.now()).
 */
export class Connection extends EventTarget {
  constructor(clock) {
    super();
    this.clock = clock;
    this.failures = 0;
    this.receipts = [];
    this.open();
    setInterval(() => this.check(), PING_MS);
    for (const name of ["online", "focus"]) window.addEventListener(name, () => this.hurry());
  }

  open() {
    this.timer = null;
    this.heard = performance.now();
    this.receipts = [];
    this.socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/live`);
    this.socket.binaryType = "arraybuffer";
    this.socket.onopen = () => this.opened();
    this.socket.onmessage = ({ data }) => this.receive(data);
    this.socket.onclose = () => this.closed();
  }

  opened() {
    this.failures = 0;
    this.tell("state", { state: "open" });
    this.ping();
  }

  async closed() {
    if (this.timer) return;
    const wait = Math.min(LONGEST_WAIT_MS, 500 * 2 ** this.failures) * (0.75 + Math.random() / 2);
    this.failures += 1;
    this.timer = setTimeout(() => this.open(), wait);
    this.tell("state", { state: "lost", retryAt: performance.now() + wait });
    if (await refused()) this.tell("state", { state: "refused" });
  }

  receive(data) {
    this.heard = performance.now();
    if (typeof data !== "string") {
      this.preview(parsePreview(data));
      return;
    }
    const message = JSON.parse(data);
    if (message.type === "pong") this.clock.measure(message.sent, message.server);
    else this.tell("message", message);
  }

  preview(detail) {
    const taken = !this.dispatchEvent(new CustomEvent("preview", { detail, cancelable: true }));
    if (taken) return;
    this.receipt(detail.header.camera);
    this.flushReceipts();
  }

  /** One picture of a camera has been dealt with; the server may send the next one. */
  receipt(camera) {
    this.receipts.push(camera);
  }

  flushReceipts() {
    if (this.receipts.length) this.send({ type: "shown", cameras: this.receipts.splice(0) });
  }

  check() {
    if (this.socket.readyState !== WebSocket.OPEN) return;
    if (performance.now() - this.heard > SILENCE_MS) this.abandon();
    else this.ping();
  }

  ping() {
    this.send({ type: "ping", sent: performance.now() / 1000 });
  }

  send(message) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  /** Closing a dead line takes the browser minutes: do not wait for it. */
  abandon() {
    this.socket.onmessage = this.socket.onclose = null;
    this.socket.close();
    this.closed();
  }

  hurry() {
    if (!this.timer) return;
    clearTimeout(this.timer);
    this.open();
  }

  tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** True if the server is there but does not know us (any more). */
async function refused() {
  try {
    return (await fetch("/")).status === 401;
  } catch {
    return false;
  }
}
