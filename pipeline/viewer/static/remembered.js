// What this browser remembers of how somebody likes the page; nothing of it is sent anywhere.

const PREFIX = "handoff.";

/** What was remembered under a name, or `otherwise`. */
export function recall(name, otherwise) {
  try {
    const text = localStorage.getItem(PREFIX + name);
    return text === null ? otherwise : JSON.parse(text);
  } catch {
    return otherwise; // storage is switched off, or holds something odd
  }
}

export function remember(name, value) {
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // storage is switched off or full: it holds until the page is left
  }
}
