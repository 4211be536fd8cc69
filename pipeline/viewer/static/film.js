// A camera's own video (pipeline/film.py), decoded by the browser: the pictures that boxes came with.

const HELD_BACK_MS = 4000; // whatever keeps a decoder from giving a picture for so long
const IN_SOFTWARE = 4; // cameras; more of them cost a processor more than pictures of their tiles' size do
const QUEUE = 60; // units that wait to be decoded; where more come than that the machine is too slow

/** True if this browser can decode video at all; it can where the page has come by HTTPS or from this machine. */
export const canDecode = "VideoDecoder" in window;

const COMMON = { codec: "avc1.4D401F", codedWidth: 1280, codedHeight: 720, hardwareAcceleration: "prefer-hardware" };

/** How many cameras this machine decodes without harm to the page: with a decoder in hardware any number. */
export async function capacity() {
  if (!canDecode) return 0;
  const { supported } = await VideoDecoder.isConfigSupported(COMMON).catch(() => ({ supported: false }));
  return supported ? Infinity : IN_SOFTWARE;
}

export class Film {
  /**
   * @param handlers { shown(header, bitmap): a picture of those that came with boxes,
   *   done(): a message has been dealt with without one, failed(why): it does not go on }
   */
  constructor(handlers) {
    Object.assign(this, { handlers, decoder: null, coding: "", group: null, next: 0, count: 0 });
    this.waiting = new Map(); // time stamp of a unit → { header, at } of the message that ends with it
  }

  /** Takes a message: all its units are decoded, the picture of the last one is shown. */
  receive({ header, film }) {
    try {
      if (film.first === 0) this.begin(film);
      if (film.group !== this.group || film.first !== this.next) return void this.handlers.done();
      this.decode(header, film);
    } catch (error) {
      this.handlers.done();
      this.fail(error);
    }
  }

  begin({ group, codec, description }) {
    const coding = `${codec} ${description}`;
    if (this.decoder?.state !== "configured" || coding !== this.coding) {
      this.close();
      this.decoder = new VideoDecoder({ output: (frame) => this.output(frame), error: (error) => this.fail(error) });
      const config = { codec, optimizeForLatency: true };
      if (description) config.description = Uint8Array.from(atob(description), (letter) => letter.charCodeAt(0));
      this.decoder.configure(config);
      this.coding = coding;
    }
    Object.assign(this, { group, next: 0 });
  }

  decode(header, { units }) {
    if (this.decoder.decodeQueueSize > QUEUE) throw new Error("decoding is too slow");
    for (const data of units) {
      this.count += 1;
      const type = this.next === 0 ? "key" : "delta";
      this.decoder.decode(new EncodedVideoChunk({ type, timestamp: this.count, data }));
      this.next += 1;
    }
    this.waiting.set(this.count, { header, at: performance.now() });
  }

  /** To be called now and then: a decoder that gives nothing says nothing either. */
  check() {
    const [oldest] = this.waiting.values();
    if (oldest && performance.now() - oldest.at > HELD_BACK_MS) this.fail("pictures are held back");
  }

  async output(frame) {
    const wanted = this.waiting.get(frame.timestamp);
    if (!wanted) return void frame.close();
    for (const time of this.waiting.keys()) {
      if (time > frame.timestamp) break;
      this.waiting.delete(time);
      if (time < frame.timestamp) this.handlers.done(); // its picture is not to come any more
    }
    // A decoder has few frames of its own; one that is looked at for long would keep it waiting.
    const bitmap = await createImageBitmap(frame).catch(() => null);
    frame.close();
    if (bitmap) this.handlers.shown(wanted.header, bitmap);
    else this.handlers.done();
  }

  fail(error) {
    this.close();
    this.handlers.failed(String(error.message ?? error));
  }

  /** Lets the decoder go; what is to come begins with a key frame. */
  close() {
    if (this.decoder && this.decoder.state !== "closed") this.decoder.close();
    Object.assign(this, { decoder: null, group: null });
    for (const [time] of this.waiting) {
      this.waiting.delete(time);
      this.handlers.done();
    }
  }
}
