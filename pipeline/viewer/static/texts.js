// Every text of the page, in one place; a part for each subject. A new screen keeps its own under its
// name (texts.search.title), so that no two can get into each other's way.

import { audit } from "./texts/audit.js";
import { cameras } from "./texts/cameras.js";
import { health } from "./texts/health.js";
import { corrections, filters, identities } from "./texts/identities.js";
import { live } from "./texts/live.js";
import { people } from "./texts/people.js";
import { recording } from "./texts/recording.js";
import { search } from "./texts/search.js";
import { shell } from "./texts/shell.js";
import { site } from "./texts/site.js";
import { why } from "./texts/why.js";

export const texts = {
  ...shell, ...cameras, ...health, ...people,
  audit, corrections, filters, identities, live, recording, search, site, why,
};
