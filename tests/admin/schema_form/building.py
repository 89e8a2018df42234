"""What the tests of generated forms share."""

from __future__ import annotations

from typing import Any

from django.http import QueryDict

from iii_triggers.admin.schema_form import Node, Plan, SchemaForm, read_schema

MARKUP = "<script>alert(1)</script>"


def plan_of(schema: dict[str, Any]) -> Plan:
    plan = read_schema(schema)
    assert plan is not None
    return plan


def node_of(rule: Any, **root: Any) -> Node:
    """Return the node of a key ``k`` with ``rule``."""
    (node,) = plan_of({"properties": {"k": rule}, **root}).nodes
    return node


def sent(**fields: Any) -> QueryDict:
    """Return what a browser sends for fields: ``sent(a="1", b__c="2")`` for ``config.b.c``."""
    data = QueryDict(mutable=True)
    for name, value in fields.items():
        values = value if isinstance(value, list) else [value]
        data.setlist("config." + name.replace("__", "."), values)
    return data


def save(schema: dict[str, Any], base: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return the config after a form was sent; it must be one that can be read."""
    form = SchemaForm(plan_of(schema), base=base, data=sent(**fields))
    assert form.problems() == []
    return form.collected()


def page_of(schema: dict[str, Any], base: dict[str, Any]) -> dict[str, Any]:
    """Return what a browser sends if nobody touches the form: names to values."""
    form = SchemaForm(plan_of(schema), base=base)
    return {name: form[name].value() for name in form.fields}
