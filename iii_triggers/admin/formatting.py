"""How values look on the admin pages. HTML is made by format_html alone."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from iii_triggers.models import Trigger

from .json_layout import indented_beginning

MAX_JSON = 20_000
MAX_PRETTY = MAX_JSON
"""Indentation makes a deeply nested payload many times as long."""
MAX_LINE = 80
NOTHING = "—"
UNKNOWN = "?"
"""The symbol of a state that a newer version of the app wrote."""

STATE_SYMBOLS = {
    Trigger.State.ACTIVE: "●",
    Trigger.State.PARKED: "◔",
    Trigger.State.REJECTED: "✕",
    Trigger.State.DISABLED: "○",
}

STATE_MEANINGS = {
    Trigger.State.ACTIVE: _("It is registered: its events run the function."),
    Trigger.State.PARKED: _(
        "It waits for its trigger type: no worker provides it now, or no engine is running. It "
        "becomes active by itself."
    ),
    Trigger.State.REJECTED: _(
        "Its trigger type refused it; the error tells why. It is tried again when another trigger "
        "of the type goes, and when it is saved."
    ),
    Trigger.State.DISABLED: _("It is switched off: its events run nothing."),
}


def pretty_json(value: Any) -> str:
    """Return ``value`` as JSON for people; half a surrogate pair, which no page holds, escaped."""
    return _encodable(json.dumps(value, indent=2, ensure_ascii=False))


def json_block(value: Any) -> str | SafeString:
    """Return ``value`` as a block of JSON, cut when it is very long."""
    if value is None:
        return NOTHING
    return format_html('<pre class="iii-json">{}</pre>', cut(pretty_json(value), length=MAX_JSON))


def payload_block(text: str) -> SafeString:
    """Return a stored payload as a block of JSON; a long one cut, with its length."""
    return beginning_block(text[: MAX_PRETTY + 1], length=len(text))


def beginning_block(beginning: str, *, length: int, is_cut: bool = False) -> SafeString:
    """Return the beginning of ``length`` characters of JSON as a block, and say so if that is cut.

    ``beginning`` are more than MAX_PRETTY of them, or all. ``is_cut`` JSON has no end anyway.
    """
    if length <= MAX_PRETTY and not is_cut:
        return format_html('<pre class="iii-json">{}</pre>', _indented(beginning))
    shown = min(length, MAX_PRETTY)
    laid_out = _laid_out(beginning[:shown]) + "…"
    if length <= MAX_PRETTY:
        return format_html('<pre class="iii-json">{}</pre>', laid_out)
    note = gettext("The first %(shown)d of %(all)d characters:")
    numbers = {"shown": shown, "all": length}
    return format_html('{}<pre class="iii-json">{}</pre>', note % numbers, laid_out)


def moment(at: datetime | None) -> str:
    """Return a time to the second, in the time zone of the reader; nothing for none."""
    if at is None:
        return NOTHING
    local = timezone.localtime(at)
    shown = date_format(local, "Y-m-d H:i:s")
    return format_html('<time datetime="{}">{}</time>', local.isoformat(), shown)


def cut(text: str, *, length: int = MAX_LINE) -> str:
    """Return at most ``length`` characters of ``text``, and an ellipsis if there are more."""
    return text if len(text) <= length else text[:length] + "…"


def config_summary(trigger: Trigger) -> str:
    """Return the config in one line: ``POST /greet`` for http, ``key: value`` for other types."""
    config = trigger.config
    if not isinstance(config, dict) or not config:
        return NOTHING
    if isinstance(config.get("api_path"), str):
        return cut(f"{config.get('http_method') or 'GET'} /{config['api_path'].lstrip('/')}")
    return cut(", ".join(f"{key}: {_plain(value)}" for key, value in config.items()))


def shown_state(trigger: Trigger) -> str:
    """Return the state; a disabled trigger is disabled before the engine has heard of it."""
    return trigger.state if trigger.enabled else Trigger.State.DISABLED


def state_badge(trigger: Trigger) -> SafeString:
    """Return the state as symbol and word, so that it reads without colours."""
    state = Trigger.State(shown_state(trigger))
    return badge(state.value, STATE_SYMBOLS[state], state.label)


def badge(css_class: str, symbol: str, label: Any) -> SafeString:
    """Return a coloured word with a symbol before it; ``css_class`` goes without its prefix."""
    return format_html(
        '<span class="iii-badge iii-{}"><span aria-hidden="true">{}</span> {}</span>',
        css_class,
        symbol,
        label,
    )


def with_note(shown: str, text: Any, *, is_error: bool = False) -> SafeString:
    """Return what is shown, and small print below it if there is any."""
    if not text:
        return format_html("{}", shown)
    css_class = "iii-note iii-error" if is_error else "iii-note"
    return format_html('{}<div class="{}">{}</div>', shown, css_class, text)


def _laid_out(beginning: str) -> str:
    if not beginning.lstrip().startswith(("{", "[")):
        return beginning
    return indented_beginning(beginning, length=4 * MAX_PRETTY)


def _indented(text: str) -> str:
    try:
        return cut(pretty_json(json.loads(text)), length=MAX_JSON)
    except (ValueError, RecursionError):
        return text


def _plain(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return _encodable(text)


def _encodable(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()
