// Reads the data of the page, which many cases make so long that it is packed: zlib, written as base64.
"use strict";
const pageData = (async () => {
  const { type, textContent } = document.getElementById("data");
  if (type === "application/json") return JSON.parse(textContent);
  const letters = atob(textContent);
  const bytes = new Uint8Array(letters.length);
  // A loop: a function for each of millions of letters takes most of a second.
  for (let place = 0; place < bytes.length; place += 1) bytes[place] = letters.charCodeAt(place);
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).json();
})();
pageData.catch((error) => {
  const text = `Figures and table cannot be shown (${error.message}): open the page in a browser of 2023 or later.`;
  document.querySelector("header").append(Object.assign(document.createElement("p"), { className: "note", textContent: text }));
});
