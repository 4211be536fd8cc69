// How good the results are, if `pipeline.evaluate` has compared them with ground truth.

import { h } from "../dom.js";
import { Table } from "../table.js";
import { texts } from "../texts.js";

const WORDS = texts.recording;

export class Figures {
  constructor() {
    this.table = new Table(WORDS.figures, WORDS.columns);
    this.element = h("section", { class: "figures", hidden: "" }, this.table.element);
  }

  /** @param evaluation { cameras: name → scores, across: scores }, or undefined */
  update(evaluation) {
    this.element.hidden = !evaluation;
    if (!evaluation) return;
    const rows = [...Object.entries(evaluation.cameras), [WORDS.across, evaluation.across]];
    this.table.update(rows.map(([name, scores]) => ({ key: name, cells: [name, ...cells(scores)] })));
  }
}

const cells = ({ hota, idf1, mota, switches, people, identities }) =>
  [...[hota, idf1, mota].map((share) => share.toFixed(3)), ...[switches, people, identities].map(String)];
