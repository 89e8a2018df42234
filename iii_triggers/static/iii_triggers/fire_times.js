/* Shows the next fire times of a cron trigger while its config is typed. */
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const PAUSE_MS = 300;
  const section = document.getElementById("iii-fire-times");
  const form = section && section.closest("form");
  const type = form && form.elements.namedItem("trigger_type");
  const config = form && form.elements.namedItem("config");
  if (!type || !config) {
    return;
  }
  const shown = section.querySelector(".iii-fire-times-shown");
  let timer = 0;
  let request = new AbortController();

  async function show() {
    request.abort();
    request = new AbortController();
    section.hidden = type.value !== "cron";
    if (section.hidden) {
      return;
    }
    try {
      const options = { method: "POST", body: new FormData(form), signal: request.signal };
      const response = await fetch(section.dataset.url, options);
      if (response.ok && !response.redirected) {
        // A template of the site's own made it, with everything escaped.
        shown.innerHTML = await response.text();
      }
    } catch (error) {
      // Another look was begun, or the site is away: what is shown stays.
    }
  }

  function showSoon() {
    window.clearTimeout(timer);
    timer = window.setTimeout(show, PAUSE_MS);
  }

  form.addEventListener("input", showSoon);
  form.addEventListener("change", showSoon);
  form.addEventListener("config-shown", showSoon);
  show();
});
