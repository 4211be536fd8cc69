// Numbers as people read them, in the browser's language.

const number = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1, minimumFractionDigits: 1 });
const percent = new Intl.NumberFormat(undefined, { style: "percent", maximumFractionDigits: 0 });
const whole = new Intl.NumberFormat();

export const numbers = {
  decimal: (value) => number.format(value),
  whole: (value) => whole.format(value),
  percent: (share) => percent.format(share),
  seconds: (value) => (value < 1 ? `${Math.round(value * 1000)} ms` : `${number.format(value)} s`),
};
