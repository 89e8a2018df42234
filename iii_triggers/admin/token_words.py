"""What a token allows, said in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from iii_triggers.engine.access.filters import ExposeFilter, InvalidRules
from iii_triggers.engine.access.reading import rules_of_token
from iii_triggers.engine.access.rules import Rules
from iii_triggers.models import WorkerToken

from .formatting import pretty_json


def token_words(token: WorkerToken) -> SafeString:
    """Return a list of sentences; a token that cannot be read opens no connection."""
    try:
        rules = rules_of_token(token)
    except InvalidRules as error:
        return format_html("{} {}", _("It lets nobody in, because it cannot be read:"), error)
    items = format_html_join("", "<li>{}</li>", ((line,) for line in _sentences(rules)))
    return format_html('<ul class="iii-words">{}</ul>', items)


def _sentences(rules: Rules) -> Iterator[str]:
    if rules.is_open:
        yield _("Everything: calls, registrations, any namespace.")
        return
    yield from _about_calls(rules)
    yield from _about_namespaces(rules)
    yield from _about_registrations(rules)
    for hook, what in (
        (rules.hooks.function, _("functions")),
        (rules.hooks.trigger, _("triggers")),
        (rules.hooks.trigger_type, _("trigger types")),
    ):
        if hook:
            yield _("%(hook)s is asked about %(what)s it registers.") % {"hook": hook, "what": what}
    if rules.middleware:
        yield _("Its calls go to %(function)s.") % {"function": rules.middleware}


def _about_calls(rules: Rules) -> Iterator[str]:
    if rules.restricts_calls:
        exposed = [*map(_filter_words, rules.expose_functions), *sorted(rules.allowed_functions)]
        yield _("It may call: %(functions)s.") % {
            "functions": _listed(exposed) or _("nothing but what every SDK calls by itself")
        }
    else:
        yield _("It may call every function.")
    if rules.forbidden_functions:
        forbidden = _listed(rules.forbidden_functions)
        yield _("It may never call: %(functions)s.") % {"functions": forbidden}


def _about_namespaces(rules: Rules) -> Iterator[str]:
    if rules.namespaces:
        names = _listed(rules.namespaces)
        yield _("It lives, and registers, in these namespaces only: %(names)s.") % {"names": names}
    for name, functions in rules.namespaces.items():
        if functions and rules.restricts_calls:
            values = {"name": name, "functions": _listed(functions)}
            yield _("In %(name)s it may call: %(functions)s.") % values


def _about_registrations(rules: Rules) -> Iterator[str]:
    if not rules.allow_function_registration:
        yield _("It registers no functions.")
    elif rules.function_prefix:
        values = {"ids": f"{rules.function_prefix}::*"}
        yield _("It registers functions, and binds triggers to them, as %(ids)s.") % values
    else:
        yield _("It registers functions.")
    types = rules.allowed_trigger_types
    if types is None:
        yield _("It binds triggers of every type.")
    elif types:
        yield _("It binds triggers of these types: %(types)s.") % {"types": _listed(sorted(types))}
    else:
        yield _("It binds no triggers.")
    if rules.allow_trigger_type_registration:
        yield _("It registers trigger types.")
    else:
        yield _("It registers no trigger types.")


def _filter_words(one: ExposeFilter) -> str:
    if one.match is not None:
        what = one.match
    else:
        what = _("what is registered with %(metadata)s") % {"metadata": _json(dict(one.metadata))}
    if one.namespace == "default":
        return what
    return _("%(what)s in %(namespace)s") % {"what": what, "namespace": one.namespace}


def _listed(items: Iterable[str]) -> str:
    return ", ".join(items)


def _json(value: Any) -> str:
    return " ".join(pretty_json(value).split())
