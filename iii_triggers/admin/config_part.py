"""The config on the page of a trigger: generated fields, or JSON.

What a browser sends: ``config_mode`` says which of the two was on the page, ``config_type`` for
which trigger type. With ``json``, or no mode, ``config`` is the config. With ``form`` it is what
the page began with, and the fields named ``config.…`` are put into it. ``_show_config`` asks to
see it another way, and saves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext

from .config_help import Place, TypeHelp, config_help
from .formatting import pretty_json
from .json_fields import JSONTextField
from .schema_form import Plan, SchemaForm, read_schema

FORM, JSON, EXAMPLE = "form", "json", "example"
SHOW = "_show_config"

_FIELD = JSONTextField(required=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A trigger type as its configs are edited; no plan for one without a usable schema."""

    place: Place
    help: TypeHelp | None
    plan: Plan | None


@dataclass(kw_only=True)
class ConfigPart:
    """What is on the page.

    ``text`` is JSON: the config itself if there is no ``form``, else what the form began with.
    ``errors`` are those that belong to no field.
    """

    subject: Subject
    text: str
    form: SchemaForm | None = None
    errors: list[str] = field(default_factory=list)

    @property
    def mode(self) -> str:
        """What the page says was on it."""
        is_json = self.form is None and self.subject.place.type_id
        return JSON if is_json else FORM

    @property
    def value(self) -> str:
        """The config as JSON, with what was entered."""
        return self.text if self.form is None else pretty_json(self.form.collected())

    @property
    def is_readable(self) -> bool:
        """Whether everything that was entered can be read."""
        if self.form is not None:
            return self.form.is_valid()
        return object_in(self.text) is not None


def subject_of(place: Place) -> Subject:
    """Return what is known of a trigger type."""
    help_ = config_help(place) if place.type_id and "\0" not in place.type_id else None
    return Subject(place=place, help=help_, plan=read_schema(help_.schema) if help_ else None)


def opened(subject: Subject, config: Any, *, mode: str = FORM) -> ConfigPart:
    """Return the part of a page that shows ``config``: as a form if that is possible."""
    value = {} if config is None else config
    if mode == FORM and subject.plan is not None and isinstance(value, dict):
        form = SchemaForm(subject.plan, base=value)
        return ConfigPart(subject=subject, text=pretty_json(value), form=form)
    return ConfigPart(subject=subject, text=pretty_json(value))


def posted(subject: Subject, data: Any) -> ConfigPart:
    """Return the part of a page that was sent."""
    text = str(data.get("config") or "")
    base = object_in(text)
    if data.get("config_mode") != FORM or subject.plan is None or base is None:
        return ConfigPart(subject=subject, text=text)
    return ConfigPart(
        subject=subject, text=text, form=SchemaForm(subject.plan, base=base, data=data)
    )


def shown_otherwise(subject: Subject, data: Any) -> ConfigPart:
    """Return the part of a page on which another type, or another way to edit, was chosen.

    What was entered is carried over. What cannot be read stays on the page, with the reason.
    """
    before = posted(_subject_before(subject, data), data)
    is_same = before.subject.place.type_id == subject.place.type_id
    if not before.is_readable and is_same:
        return _with_reason(before)
    value = _carried(object_in(before.value), before.subject, subject)
    if value is None:
        return _with_reason(replace(before, subject=subject, form=None))
    if data.get(SHOW) == EXAMPLE and subject.help is not None:
        value |= subject.help.example
    return opened(subject, value, mode=_mode(before, data))


def is_of_another_type(subject: Subject, data: Any) -> bool:
    """Tell whether the fields that were sent are those of another type than the chosen one."""
    is_form = data.get("config_mode") == FORM
    return is_form and bool(data.get("config_type", "") != subject.place.type_id)


def object_in(text: str) -> dict[str, Any] | None:
    """Return the JSON object in ``text``, {} for nothing; None for anything else."""
    try:
        value = _FIELD.clean(text)
    except ValidationError:
        return None
    if value is None:
        return {}
    return value if isinstance(value, dict) else None


def _subject_before(subject: Subject, data: Any) -> Subject:
    type_id = data.get("config_type", subject.place.type_id)
    if type_id == subject.place.type_id:
        return subject
    return subject_of(replace(subject.place, type_id=type_id))


def _mode(before: ConfigPart, data: Any) -> str:
    """Return how to show it: as asked for, else JSON if the person could have left that."""
    if data.get(SHOW) in (FORM, JSON):
        return str(data[SHOW])
    return JSON if before.form is None and before.subject.plan is not None else FORM


def _carried(value: Any, before: Subject, after: Subject) -> Any:
    """Return what of a config is for another type too: keys that only the old one has, are not."""
    if value is None or before.plan is None or before.plan is after.plan:
        return value
    known = frozenset() if after.plan is None else after.plan.keys
    foreign = before.plan.keys - known
    return {key: item for key, item in value.items() if key not in foreign}


def _with_reason(part: ConfigPart) -> ConfigPart:
    if part.form is None:
        part.errors.append(_reason(part.text))
    return part


def _reason(text: str) -> str:
    try:
        _FIELD.clean(text)
    except ValidationError as error:
        return " ".join(error.messages)
    return gettext("The form can only show a JSON object.")
