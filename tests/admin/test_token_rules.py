"""What a token allows, edited and said in words."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from iii_triggers.admin.token_words import token_words
from iii_triggers.engine.access.reading import rules_of_token
from iii_triggers.models import WorkerToken

LIST = "/admin/iii_triggers/workertoken/"

FORM = {
    "name": "partner",
    "expires_at_0": "",
    "expires_at_1": "",
    "restrict_calls": "on",
    "expose_functions": 'public::*\n\nmatch("svc::*")\n{"metadata": {"public": true}}\r\n',
    "allowed_functions": "a\n b ",
    "forbidden_functions": "secret::*",
    "namespaces": '{"orders": ["svc::*"]}',
    "allow_function_registration": "on",
    "function_registration_prefix": "partner::",
    "trigger_types": "listed",
    "allowed_trigger_types": "http\nsubscribe",
    "middleware_function_id": "gate::mw",
    "context": '{"customer": 7}',
}


def save(client: Client, *, to: WorkerToken | None = None, **values: Any) -> Any:
    url = f"{LIST}add/" if to is None else f"{LIST}{to.pk}/change/"
    return client.post(url, {**FORM, **values}, follow=True)


def test_everything_can_be_said_when_a_token_is_made(owner: Client) -> None:
    assert "iii_" in save(owner).content.decode()
    row = WorkerToken.objects.get()
    assert row.expose_functions == [
        'match("public::*")',
        'match("svc::*")',
        {"metadata": {"public": True}},
    ]
    assert row.allowed_functions == ["a", "b"]
    assert row.forbidden_functions == ["secret::*"]
    assert row.namespaces == {"orders": ["svc::*"]}
    assert row.function_registration_prefix == "partner"
    assert row.allowed_trigger_types == ["http", "subscribe"]
    assert not row.allow_trigger_type_registration
    assert row.context == {"customer": 7}
    rules = rules_of_token(row)
    assert rules.restricts_calls
    assert rules.middleware == "gate::mw"


def test_what_was_saved_is_shown_as_it_was_typed(owner: Client) -> None:
    save(owner)
    row = WorkerToken.objects.get()
    page = owner.get(f"{LIST}{row.pk}/change/").content.decode()
    assert (
        "public::*\nsvc::*\n{&quot;metadata&quot;: {&quot;public&quot;: true}}</textarea>" in page
    )
    assert "http\nsubscribe</textarea>" in page
    assert "It may never call: secret::*." in page
    save(owner, to=row)
    again = WorkerToken.objects.get()
    assert rules_of_token(again) == rules_of_token(row)


@pytest.mark.parametrize(
    ("choice", "lines", "stored"),
    [("any", "", None), ("", "", None), ("listed", "", []), ("listed", "http", ["http"])],
)
def test_any_type_is_not_the_same_as_none(
    owner: Client, choice: str, lines: str, stored: Any
) -> None:
    save(owner, trigger_types=choice, allowed_trigger_types=lines)
    assert WorkerToken.objects.get().allowed_trigger_types == stored


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("expose_functions", '{"match": 5}', "match must be a pattern"),
        ("expose_functions", "{nonsense", "is not valid JSON"),
        ("expose_functions", '{"regex": "x"}', "a filter has no key regex"),
        ("expose_functions", 'a"b', "a pattern has no quotes"),
        ("namespaces", "[]", ""),
        ("namespaces", '{"orders": "svc"}', "namespaces.orders must be a list of strings"),
        ("namespaces", "{", "This is not valid JSON"),
        ("function_registration_prefix", "engine::x", "cannot be a function prefix"),
        ("function_registration_prefix", "engine", "cannot be a function prefix"),
        ("context", "[1]", "Write an object"),
        ("trigger_types", "any", "you listed types"),
        ("trigger_types", "some", "valid choice"),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason(
    owner: Client, field: str, value: str, said: str
) -> None:
    page = save(owner, **{field: value}).content.decode()
    if said:
        assert said in page
        assert not WorkerToken.objects.exists()
    else:
        assert rules_of_token(WorkerToken.objects.get()).namespaces == {}


def test_who_may_only_view_sees_what_it_allows(viewer: Client) -> None:
    row, _ = WorkerToken.objects.issue("x", restrict_calls=True, forbidden_functions=["<b>"])
    response = viewer.get(f"{LIST}{row.pk}/change/")
    page = response.content.decode()
    assert response.status_code == 200
    assert "It may never call: &lt;b&gt;." in page
    assert viewer.post(f"{LIST}{row.pk}/change/", FORM).status_code == 403


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({}, "Everything: calls, registrations, any namespace."),
        ({"context": {"a": 1}}, "Everything"),
        ({"restrict_calls": True}, "It may call: nothing but what every SDK calls by itself."),
        (
            {
                "restrict_calls": True,
                "expose_functions": ['match("a*")'],
                "allowed_functions": ["b"],
            },
            "It may call: a*, b.",
        ),
        (
            {"restrict_calls": True, "expose_functions": [{"match": "a", "namespace": "n"}]},
            "It may call: a in n.",
        ),
        (
            {"restrict_calls": True, "expose_functions": [{"metadata": {"a": True}}]},
            "what is registered with { &quot;a&quot;: true }",
        ),
        ({"forbidden_functions": ["x"]}, "It may call every function."),
        ({"forbidden_functions": ["x"]}, "It may never call: x."),
        ({"namespaces": {"n": []}}, "in these namespaces only: n."),
        ({"namespaces": {"n": ["f"]}, "restrict_calls": True}, "In n it may call: f."),
        ({"allow_function_registration": False}, "It registers no functions."),
        ({"function_registration_prefix": "p"}, "as p::*."),
        ({"allowed_trigger_types": []}, "It binds no triggers."),
        ({"allowed_trigger_types": ["http"]}, "It binds triggers of these types: http."),
        ({"allow_trigger_type_registration": False}, "It registers no trigger types."),
        ({"middleware_function_id": "m"}, "Its calls go to m."),
        ({"on_trigger_registration_function_id": "h"}, "h is asked about triggers it registers."),
        ({"expose_functions": ["*"]}, "It lets nobody in, because it cannot be read:"),
        ({"context": []}, "It lets nobody in"),
    ],
)
def test_words(rules: dict[str, Any], said: str) -> None:
    assert said in token_words(WorkerToken(name="x", **rules))
