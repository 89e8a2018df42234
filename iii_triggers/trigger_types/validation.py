"""The one gate every trigger of the site passes before it is stored: admin, code and REST alike."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from django.utils.module_loading import import_string

from iii_triggers.conf import settings
from iii_triggers.models import Trigger, TriggerType
from iii_triggers.protocol.errors import InvalidConfig, TriggerConflict

from .base import TriggerRegistrator
from .json_schema import check_value

Schemas = Mapping[tuple[str, str], Any]
"""Config schemas of trigger types by namespace and id."""


def builtin_trigger_types() -> dict[str, TriggerRegistrator]:
    """Return the types of ``III_TRIGGER_TYPES`` by id and by alias, bound to no engine.

    They are good for validating only. Raise ImportError for a path that does not lead to one.
    """
    return dict(_load(tuple(settings.III_TRIGGER_TYPES)))


def check_trigger(
    *,
    trigger_type: str,
    namespace: str,
    config: Any,
    trigger_id: str,
    enabled: bool,
    exclude_pk: int | None,
    provider_namespace: str,
) -> None:
    """Check a trigger; one that is disabled conflicts with nothing. Raise TriggerRejected."""
    if not enabled:
        validate_config(
            trigger_type=trigger_type,
            namespace=namespace,
            config=config,
            provider_namespace=provider_namespace,
        )
        return
    validate_trigger(
        trigger_type=trigger_type,
        namespace=namespace,
        config=config,
        trigger_id=trigger_id,
        exclude_pk=exclude_pk,
        provider_namespace=provider_namespace,
    )


def validate_trigger(
    *,
    trigger_type: str,
    namespace: str,
    config: Any,
    trigger_id: str,
    exclude_pk: int | None,
    provider_namespace: str = "",
) -> None:
    """Check a trigger of the site that is, or is about to be, enabled.

    ``exclude_pk`` is its own row, if it has one. A type nobody provides is fine: the trigger is
    parked until somebody does. Raise InvalidConfig (``field`` is the config key) or
    TriggerConflict (the message names the other trigger).
    """
    validate_config(
        trigger_type=trigger_type,
        namespace=namespace,
        config=config,
        provider_namespace=provider_namespace,
    )
    registrator = _builtin(trigger_type, provider_namespace)
    if registrator is not None:
        _check_conflict(registrator, config, trigger_id, exclude_pk)


def validate_config(
    *,
    trigger_type: str,
    namespace: str,
    config: Any,
    provider_namespace: str = "",
    schemas: Schemas | None = None,
) -> None:
    """Check a config alone, as of a trigger that stays disabled. Raise InvalidConfig.

    ``provider_namespace`` is where the type must be; "" looks in ``namespace``, then in default.
    ``schemas`` stand for those of the rows, where many configs are checked or rows will change.
    """
    registrator = _builtin(trigger_type, provider_namespace)
    if registrator is None:
        namespaces = [provider_namespace] if provider_namespace else [namespace, "default"]
        found = _schemas(trigger_type, namespaces) if schemas is None else schemas
        _check_against_schema(trigger_type, namespaces, config, found)
    else:
        registrator.validate_config(config)


def conflict_of(*, trigger_type: str, provider_namespace: str, config: Any) -> str | None:
    """Return what only one enabled trigger of the site may have, None for nothing.

    For those who look at many triggers at once; a config that is not valid conflicts with nothing.
    """
    registrator = _builtin(trigger_type, provider_namespace)
    key = None if registrator is None else _conflict_key(registrator, config)
    return None if registrator is None or key is None else f"{registrator.id} {key}"


@lru_cache(maxsize=4)
def _load(paths: tuple[str, ...]) -> dict[str, TriggerRegistrator]:
    """Build the types; the paths are the key, so a changed setting gives changed types."""
    types: dict[str, TriggerRegistrator] = {}
    for path in paths:
        registrator: TriggerRegistrator = import_string(path)()
        for type_id in (registrator.id, *registrator.aliases):
            types[type_id] = registrator
    return types


def _builtin(trigger_type: str, provider_namespace: str) -> TriggerRegistrator | None:
    if provider_namespace not in ("", "default"):
        return None
    return builtin_trigger_types().get(trigger_type)


def _check_against_schema(
    trigger_type: str, namespaces: list[str], config: Any, schemas: Schemas
) -> None:
    """The schema of the type in the first of the namespaces that has it is the one that counts."""
    if config is not None and not isinstance(config, dict):
        raise InvalidConfig("The config must be a JSON object.")
    found = (schemas[name, trigger_type] for name in namespaces if (name, trigger_type) in schemas)
    schema = next(found, None)
    if schema is not None:
        check_value({} if config is None else config, schema)


def _schemas(trigger_type: str, namespaces: list[str]) -> Schemas:
    rows = TriggerType.objects.filter(type_id=trigger_type, namespace__in=namespaces)
    found = rows.values_list("namespace", "config_schema")
    return {(namespace, trigger_type): schema for namespace, schema in found}


def _check_conflict(
    registrator: TriggerRegistrator, config: Any, trigger_id: str, exclude_pk: int | None
) -> None:
    key = registrator.conflict_key(config)
    if key is None:
        return
    type_ids = [registrator.id, *registrator.aliases]
    others = Trigger.objects.of_the_site().enabled().filter(trigger_type__in=type_ids)
    if exclude_pk is not None:
        others = others.exclude(pk=exclude_pk)
    for other in others.only("trigger_id", "config").iterator():
        if _conflict_key(registrator, other.config) == key:
            raise TriggerConflict(
                f"'{trigger_id}' conflicts with already-registered trigger '{other.trigger_id}': "
                f"only one trigger may have '{key}'."
            )


def _conflict_key(registrator: TriggerRegistrator, config: Any) -> str | None:
    """Return the key of a stored config; one that has become invalid conflicts with nothing."""
    try:
        return registrator.conflict_key(config)
    except InvalidConfig:
        return None
