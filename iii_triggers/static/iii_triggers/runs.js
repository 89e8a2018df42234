/* Asks how a run stands until it has ended, and then shows all of its page. */
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const SHORT_MS = 1000;
  const LONG_MS = 5000;
  const PATIENCE_MS = 60000;
  const began = Date.now();
  let section = document.getElementById("iii-run-live");
  if (!section || !section.dataset.url) {
    return;
  }

  async function look() {
    try {
      const response = await fetch(section.dataset.url);
      if (!response.ok || response.redirected) {
        return;
      }
      // A template of the site's own made it, with everything escaped.
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      const now = page.getElementById("iii-run-live");
      if (!now || !now.dataset.url) {
        window.location.reload();
        return;
      }
      section.replaceWith(now);
      section = now;
    } catch (error) {
      // The site is away: what is shown stays, and it is asked again.
    }
    lookSoon();
  }

  function lookSoon() {
    const pause = Date.now() - began < PATIENCE_MS ? SHORT_MS : LONG_MS;
    window.setTimeout(document.hidden ? lookSoon : look, pause);
  }

  lookSoon();
});
