/* Keeps the dashboard up to date: fetches its changing part while somebody looks at it. */
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const live = document.getElementById("iii-live");
  if (!live) {
    return;
  }
  const note = document.getElementById("iii-live-note");
  const button = document.getElementById("iii-live-pause");
  const REFRESH_MS = Number(live.dataset.refreshMs);
  const TIMEOUT_MS = 10000;
  const LONGEST_PAUSE_MS = 60000;
  // The HTML of each part as it came: what people opened or marked since is not in it.
  const shown = new Map();
  let timer = 0;
  let failures = 0;
  let isPaused = false;
  let isOver = false;
  let isLooking = false;

  function tell(text) {
    if (note.textContent !== text) {
      note.textContent = text;
    }
  }

  function lookIn(pauseMs) {
    window.clearTimeout(timer);
    if (!isPaused && !isOver && document.visibilityState === "visible") {
      timer = window.setTimeout(look, pauseMs);
    }
  }

  async function look() {
    if (isLooking) {
      return;
    }
    isLooking = true;
    try {
      // A redirect leads to the login.
      const options = { redirect: "manual", signal: AbortSignal.timeout(TIMEOUT_MS) };
      const response = await fetch(live.dataset.url, options);
      if (response.type === "opaqueredirect" || response.status === 403) {
        isOver = true;
        button.hidden = true;
        tell(live.dataset.over);
      } else if (response.ok) {
        show(await response.text());
        failures = 0;
        tell(isPaused ? live.dataset.paused : "");
      } else {
        fail();
      }
    } catch (error) {
      fail();
    }
    isLooking = false;
    lookIn(Math.min(REFRESH_MS * 2 ** failures, LONGEST_PAUSE_MS));
  }

  function fail() {
    failures += 1;
    tell(live.dataset.away);
  }

  function show(html) {
    // Templates of the site's own made it, with everything escaped.
    const fresh = new DOMParser().parseFromString(html, "text/html").body;
    const parts = Array.from(fresh.children);
    for (const part of Array.from(live.children)) {
      if (!parts.some((one) => one.id === part.id)) {
        part.remove();
      }
    }
    let before = null;
    for (const part of parts) {
      before = place(part, before);
    }
  }

  /* Puts a part behind the one before it, in the place of its older self; returns what is there. */
  function place(part, before) {
    const old = document.getElementById(part.id);
    const html = part.outerHTML;
    if (old && (shown.get(part.id) === html || isMarked(old))) {
      return old;
    }
    shown.set(part.id, html);
    if (old) {
      const restore = remember(old, part);
      old.replaceWith(part);
      restore();
    } else if (before) {
      before.after(part);
    } else {
      live.prepend(part);
    }
    return part;
  }

  /* Tells whether somebody has marked text in a part, perhaps to copy it. */
  function isMarked(part) {
    const selection = document.getSelection();
    return !selection.isCollapsed && selection.containsNode(part, true);
  }

  /* Carries over what people did to a part; what it returns is to be called once it is replaced. */
  function remember(old, part) {
    for (const details of old.querySelectorAll("details[open]")) {
      const same = details.id && part.querySelector(`#${CSS.escape(details.id)}`);
      if (same) {
        same.open = true;
      }
    }
    const places = scrolled(old).map((box) => [box.scrollLeft, box.scrollTop]);
    const focused = old.contains(document.activeElement) ? document.activeElement : null;
    const index = focused ? focusable(old).indexOf(focused) : -1;
    return () => {
      scrolled(part).forEach((box, number) => box.scrollTo(...(places[number] || [0, 0])));
      if (focused) {
        const all = focusable(part);
        const same = all.find((one) => one.href && one.href === focused.href) || all[index];
        if (same) {
          same.focus({ preventScroll: true });
        }
      }
    };
  }

  function scrolled(part) {
    return Array.from(part.querySelectorAll(".iii-plot-data, .iii-scroll"));
  }

  function focusable(part) {
    return Array.from(part.querySelectorAll("a[href], summary, [tabindex]"));
  }

  button.addEventListener("click", () => {
    isPaused = !isPaused;
    button.textContent = isPaused ? button.dataset.resume : button.dataset.pause;
    tell(isPaused ? live.dataset.paused : "");
    lookIn(0);
  });
  document.addEventListener("visibilitychange", () => lookIn(0));
  button.hidden = false;
  lookIn(REFRESH_MS);
});
