/* Asks how a run stands until it has ended, and then shows all of its page. */
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const SHORT_MS = 1000;
  const LONG_MS = 5000;
  const PATIENCE_MS = 60000;
  const TIMEOUT_MS = 10000;
  const began = Date.now();
  let section = document.getElementById("iii-run-live");
  if (!section || !section.dataset.url) {
    return;
  }

  async function look() {
    try {
      // A redirect leads to the login; who may not see the run any more need not ask either.
      const options = { redirect: "manual", signal: AbortSignal.timeout(TIMEOUT_MS) };
      const response = await fetch(section.dataset.url, options);
      if (response.type === "opaqueredirect" || (response.status >= 400 && response.status < 500)) {
        return;
      }
      if (!response.ok) {
        throw new Error(response.statusText);
      }
      // A template of the site's own made it, with everything escaped.
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      const now = page.getElementById("iii-run-live");
      if (!now || !now.dataset.url) {
        window.location.reload();
        return;
      }
      if (!isMarked()) {
        replace(now);
      }
    } catch (error) {
      // The site is away: what is shown stays, and it is asked again.
    }
    lookSoon();
  }

  /* Tells whether somebody has marked text of the section, perhaps to copy it. */
  function isMarked() {
    const selection = document.getSelection();
    return !selection.isCollapsed && selection.containsNode(section, true);
  }

  /* Shows how the run stands now; who reads the table by keyboard stays where they are. */
  function replace(now) {
    const index = focusable(section).indexOf(document.activeElement);
    const left = section.querySelector(".iii-scroll")?.scrollLeft;
    section.replaceWith(now);
    section = now;
    section.querySelector(".iii-scroll")?.scrollTo(left || 0, 0);
    focusable(section)[index]?.focus({ preventScroll: true });
  }

  function focusable(part) {
    return Array.from(part.querySelectorAll(".iii-scroll, .iii-scroll a"));
  }

  function lookSoon() {
    const pause = Date.now() - began < PATIENCE_MS ? SHORT_MS : LONG_MS;
    window.setTimeout(document.hidden ? lookSoon : look, pause);
  }

  lookSoon();
});
