// Who looks at the page: what they may do, and the way out.

import * as api from "./api.js";
import { texts } from "./texts.js";

/**
 * Shows who is signed in, if anybody has to be, and hides what they may not do: whatever has the
 * class "operators". The server refuses it all the same.
 *
 * @param button the one in the bar that signs out
 */
export async function showAccount(button) {
  const me = await api.get("/me").catch(() => null);
  if (!me) return;
  document.body.dataset.role = me.role;
  if (!me.signed_in) return;
  button.textContent = texts.signOut;
  button.title = texts.signedInAs(me.name, me.role);
  button.hidden = false;
  button.addEventListener("click", leave);
}

/** By fetch: of a form on a page without referrers browsers hide where it comes from. */
async function leave() {
  await fetch("/sign-out", { method: "POST" }).catch(() => null);
  location.reload();
}
