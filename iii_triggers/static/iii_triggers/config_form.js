/* Shows the config of a trigger as a form or as JSON, and the fields of the type that is chosen. */
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const section = document.getElementById("iii-config");
  const form = section && section.closest("form");
  if (!form) {
    return;
  }
  const part = section.querySelector(".iii-config-part");
  const status = section.querySelector(".iii-config-status");
  let request = new AbortController();

  /* Asks the site to show what is in the form another way; `how` is the value of a button. */
  async function show(how) {
    request.abort();
    const own = new AbortController();
    request = own;
    const body = new FormData(form);
    body.set("_show_config", how);
    part.inert = true;
    try {
      const options = { method: "POST", body, signal: own.signal };
      const response = await fetch(section.dataset.url, options);
      if (!response.ok || response.redirected) {
        throw new Error(response.statusText);
      }
      // A template of the site's own made it, with everything escaped.
      part.innerHTML = await response.text();
      status.textContent = "";
      form.dispatchEvent(new Event("config-shown"));
    } catch (error) {
      if (request === own) {
        status.textContent = section.dataset.failed;
      }
    } finally {
      if (request === own) {
        part.inert = false;
      }
    }
  }

  /* A browser sends nothing for what is no number, or half a date: the key would be gone. */
  function isReadable() {
    const odd = [...part.querySelectorAll("input")].find((input) => input.validity.badInput);
    odd?.reportValidity();
    return !odd;
  }

  async function press(button) {
    if (!isReadable()) {
      return;
    }
    const how = button.value;
    await show(how);
    const pressed = part.querySelector(`button[name=_show_config][value="${how}"]`);
    const isShown = pressed && pressed.offsetParent !== null;
    (isShown ? pressed : part.querySelector("[aria-pressed=true]"))?.focus();
  }

  section.addEventListener("click", (event) => {
    const button = event.target.closest("button[name=_show_config]");
    if (button) {
      event.preventDefault();
      press(button);
    }
  });

  form.addEventListener("submit", (event) => {
    if (!isReadable()) {
      event.preventDefault();
    }
  });

  for (const name of ["trigger_type", "namespace"]) {
    form.elements.namedItem(name)?.addEventListener("change", () => show(""));
  }
});
