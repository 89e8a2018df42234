/* Completes functions as they are typed, where there are too many to send them all with the page. */
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const PAUSE_MS = 200;
  let timer = 0;
  let request = new AbortController();

  async function look(list, text) {
    request.abort();
    request = new AbortController();
    const url = `${list.dataset.url}?${new URLSearchParams({ q: text })}`;
    try {
      const response = await fetch(url, { signal: request.signal });
      if (response.ok && !response.redirected) {
        const { functions } = await response.json();
        list.replaceChildren(...functions.map(option));
      }
    } catch (error) {
      // More was typed, or the site is away: what is offered stays.
    }
  }

  function option({ id, note }) {
    const element = document.createElement("option");
    element.value = id;
    element.label = `${id}: ${note}`;
    return element;
  }

  document.addEventListener("input", ({ target }) => {
    if (target.list?.dataset.url) {
      window.clearTimeout(timer);
      timer = window.setTimeout(look, PAUSE_MS, target.list, target.value);
    }
  });
});
