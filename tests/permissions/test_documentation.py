"""docs/permissions.md names every permission, and its groups are the roles of the tables."""

from __future__ import annotations

import re

from django.contrib import admin
from django.contrib.auth.models import Group, Permission

from tests.e2e.environments import REPOSITORY

from .cast import APP, codenames

PAGE = (REPOSITORY / "docs" / "permissions.md").read_text()
SNIPPET = re.compile(r"^```python\n(?P<code>.*?)^```$", re.M | re.S)
IN_GENERAL = {"add", "change", "delete"}


def test_every_permission_is_documented(db: None) -> None:
    shown = [model._meta.model_name for model in admin.site._registry]
    ours = Permission.objects.filter(content_type__app_label=APP, content_type__model__in=shown)
    names = ours.values_list("codename", flat=True)
    special = {name for name in names if name.partition("_")[0] not in IN_GENERAL}
    assert [name for name in sorted(special) if f"`{name}`" not in PAGE] == []


def test_the_groups_are_what_the_tables_were_tried_with(db: None) -> None:
    found = SNIPPET.search(PAGE)
    assert found is not None
    exec(found["code"], {})
    for name in ("viewer", "operator", "manager"):
        group = Group.objects.get(name=f"{name}s")
        assert set(group.permissions.values_list("codename", flat=True)) == codenames(name)
