// Search by picture.

import { numbers } from "./numbers.js";

export const search = {
  choose: "Choose a photo",
  chooseHow: "or drop one here, or paste it (Ctrl+V). JPEG, PNG or WebP, up to 10 MB. It is not kept.",
  picture: "The picture that is searched with",
  ofOurs: "One of this site's own pictures.",
  people: (count) => {
    if (count === 0) return "No person was found on it: the whole picture is searched for.";
    return count === 1 ? "One person was found on it." : `${count} people were found on it. Choose who is meant.`;
  },
  person: (number) => `Search for person ${number} on the photo`,
  nothingYet: "Whoever looks like somebody on the photo appears here, the likeliest first.",
  searching: "Searching…",
  loading: "Searching… The first search loads the network, which takes a few seconds.",
  found: (count, narrow) => {
    if (count === 0) return narrow ? "Nobody like that was seen there and then." : "Nobody like that was seen.";
    return count === 1 ? "1 sighting" : `${count} sightings, the likeliest first`;
  },
  results: "Sightings that look alike",
  probability: (share) => (share > 0.99 ? "Over 99% likely" : share < 0.01 ? "Under 1% likely" : `${numbers.percent(share)} likely`),
  similarity: (value) => `Similarity ${value.toFixed(2)}`,
  again: "Search with this picture",
  againOf: (name, camera) => `Search with this picture of ${name} in ${camera}`,
};
