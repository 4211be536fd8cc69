// Play, pause, picture by picture, speed, and what is drawn over the pictures.

import { h, setAttribute, setText } from "../dom.js";
import { recall, remember } from "../remembered.js";
import { s } from "../svg.js";
import { texts } from "../texts.js";
import { clockTime } from "../times.js";
import { SPEEDS } from "./playhead.js";

const WORDS = texts.recording;
const SIGNS = { play: "M7 5v14l12-7z", pause: "M7 5h3.5v14H7zM13.5 5H17v14h-3.5z", back: "M17 5v14L8 12zM6 5h2v14H6z", forward: "M7 5v14l9-7zM16 5h2v14h-2z" };

export class Controls {
  /** @param screen { playhead, recording, shown, step(direction), switchLayer(name, yes), choose(results) } */
  constructor(screen) {
    this.screen = screen;
    const { playhead } = screen;
    this.play = this.button("play", WORDS.play, () => playhead.toggle());
    this.play.classList.add("primary");
    this.place = h("p", { class: "place" });
    this.speed = h("select", { class: "input" }, ...SPEEDS.map((speed) => h("option", { value: String(speed) }, WORDS.times(speed))));
    this.speed.addEventListener("change", () => playhead.setSpeed(Number(this.speed.value)));
    this.element = h("div", { class: "controls", role: "group", "aria-label": WORDS.controls },
      this.button("back", WORDS.back, () => screen.step(-1)), this.play, this.button("forward", WORDS.forward, () => screen.step(1)),
      this.place, h("label", { class: "choice" }, WORDS.speed, this.speed), ...this.layers(), ...this.results());
  }

  button(sign, label, onclick) {
    const button = h("button", { type: "button", class: "button only-sign", "aria-label": label, title: label, onclick });
    button.append(drawn(sign));
    return button;
  }

  layers() {
    const { recording, shown } = this.screen;
    const names = ["boxes", "names", ...(recording.cameras.some(({ truth }) => truth) ? ["truth"] : [])];
    return names.map((name) => {
      const box = h("input", { type: "checkbox", onchange: () => this.screen.switchLayer(name, box.checked) });
      box.checked = shown[name];
      return h("label", { class: "choice" }, box, WORDS[name]);
    });
  }

  results() {
    const { results } = this.screen.recording;
    if (results.length < 2) return [];
    const choice = h("select", { class: "input" }, ...results.map((view) => h("option", { value: view }, WORDS.views[view])));
    choice.addEventListener("change", () => this.screen.choose(choice.value));
    return [h("label", { class: "choice results" }, WORDS.results, choice)];
  }

  update({ time, begin, end, playing, speed }) {
    const label = playing ? WORDS.pause : WORDS.play;
    if (this.play.title !== label) {
      this.play.replaceChildren(drawn(playing ? "pause" : "play"));
      setAttribute(this.play, "aria-label", label);
      setAttribute(this.play, "title", label);
    }
    this.speed.value = String(speed);
    setText(this.place, `${passed(time - begin)} / ${passed(end - begin)} · ${clockTime(time)}`);
  }
}

/** "1:02:03.4", "2:03.4": how far into a recording. */
export function passed(seconds) {
  const tenths = Math.floor(seconds * 10 + 1e-6);
  const [hours, minutes] = [Math.floor(tenths / 36000), Math.floor(tenths / 600) % 60];
  const rest = `${String(Math.floor(tenths / 10) % 60).padStart(2, "0")}.${tenths % 10}`;
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

/** What is drawn over the pictures, as this browser remembers it. */
export const usualLayers = () => ({ boxes: true, names: true, truth: false, ...recall("recording", {}) });
export const keepLayers = (shown) => remember("recording", shown);

const drawn = (sign) => s("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, s("path", { d: SIGNS[sign] }));
