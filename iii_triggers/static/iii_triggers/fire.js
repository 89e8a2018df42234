/* Fires a trigger and shows the answer, without leaving its page. */
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const HEADER = "X-Iii-Piece";
  const piece = document.querySelector(".iii-firing-piece");
  if (!piece) {
    return;
  }

  function say(text) {
    const note = document.createElement("p");
    note.className = "iii-note iii-error";
    note.textContent = text;
    piece.querySelector(".iii-firing-answer").replaceChildren(note);
  }

  async function fire(form) {
    const button = form.querySelector("button[type=submit]");
    const options = { method: "POST", body: new FormData(form), headers: { [HEADER]: "1" } };
    button.disabled = true;
    piece.setAttribute("aria-busy", "true");
    try {
      const response = await fetch(form.action, options);
      if (response.headers.has(HEADER)) {
        // A template of the site's own made it, with everything escaped.
        piece.innerHTML = await response.text();
        // Where the reader goes on: what came back, or what is to be mended.
        const answer = piece.querySelector(".iii-answer");
        (answer || piece.querySelector("textarea")).focus();
      } else {
        say(piece.dataset.failed);
      }
    } catch (error) {
      say(piece.dataset.failed);
    } finally {
      button.disabled = false;
      piece.removeAttribute("aria-busy");
    }
  }

  piece.addEventListener("submit", (event) => {
    event.preventDefault();
    fire(event.target);
  });
});
