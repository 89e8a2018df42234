/* Completes the function of a trigger where there are too many functions to send them all. */
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const PAUSE_MS = 200;

  for (const input of document.querySelectorAll("input[list][data-url]")) {
    let timer = 0;
    let request = new AbortController();

    async function look() {
      request.abort();
      request = new AbortController();
      const url = `${input.dataset.url}?${new URLSearchParams({ q: input.value })}`;
      try {
        const response = await fetch(url, { signal: request.signal });
        if (response.ok && !response.redirected) {
          const { functions } = await response.json();
          input.list.replaceChildren(...functions.map(option));
        }
      } catch (error) {
        // More was typed, or the site is away: what is offered stays.
      }
    }

    input.addEventListener("input", () => {
      window.clearTimeout(timer);
      timer = window.setTimeout(look, PAUSE_MS);
    });
  }

  function option({ id, note }) {
    const element = document.createElement("option");
    element.value = id;
    element.label = `${id}: ${note}`;
    return element;
  }
});
