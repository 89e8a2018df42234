"""Who may do what in the admin: every page with its methods, and every action of a list.

A row that is missing here fails test_admin.py, and so does one too many.
"""

from __future__ import annotations

from .cast import ACT, EDIT, LOOK, NOBODY

Who = frozenset[str]

LIST = {"changelist GET": LOOK}
ONE = {"change GET": LOOK, "history GET": LOOK}
READ_ONLY = {
    **LIST,
    **ONE,
    "change POST": NOBODY,
    "add GET": NOBODY,
    "add POST": NOBODY,
    "delete GET": NOBODY,
    "delete POST": NOBODY,
}
EDITED = {
    **LIST,
    **ONE,
    "change POST": EDIT,
    "add GET": EDIT,
    "add POST": EDIT,
    "delete GET": EDIT,
    "delete POST": EDIT,
    "action delete_selected": EDIT,
}
NEVER_ADDED = {"add GET": NOBODY, "add POST": NOBODY}

MATRIX: dict[str, dict[str, Who]] = {
    "configuration": {**EDITED, **NEVER_ADDED},
    "dashboard": {"changelist GET": LOOK, "live GET": LOOK},
    "delivery": {
        **READ_ONLY,
        "redrive POST": ACT,
        "discard POST": ACT,
        "hold POST": ACT,
        "release POST": ACT,
        "cancel POST": ACT,
        "action redrive": ACT,
        "action discard": ACT,
        "action hold": ACT,
        "action release": ACT,
        "action cancel": ACT,
    },
    "function": READ_ONLY,
    "invocation": {
        **READ_ONLY,
        "live GET": LOOK,
        "input GET": ACT,
        "output GET": ACT,
        "edit GET": ACT,
        "edit POST": ACT,
        "replay POST": ACT,
        "action replay_runs": ACT,
    },
    "node": READ_ONLY,
    "stateitem": EDITED,
    "streamitem": {**EDITED, **NEVER_ADDED, "change POST": NOBODY},
    "subscription": {**READ_ONLY, "action end_now": ACT},
    "topic": {**READ_ONLY, "action redrive_dead": ACT, "action discard_dead": ACT},
    "trigger": {
        **EDITED,
        "config_add POST": EDIT,
        "config_change POST": EDIT,
        "functions GET": EDIT,
        "fire POST": ACT,
        "fire_times POST": LOOK,
        "test_fire POST": ACT,
        "action enable": EDIT,
        "action disable": EDIT,
        "action fire_now": ACT,
    },
    "triggertype": EDITED,
    "worker": {
        **READ_ONLY,
        "drain POST": ACT,
        "disconnect POST": ACT,
        "action drain_selected": ACT,
        "action disconnect_selected": ACT,
    },
    "workertoken": {**EDITED, "action revoke": EDIT},
}

# What a form needs beside the values that it comes with.
FIELDS: dict[str, dict[str, str]] = {
    "configuration change": {"value": '{"a": 1}'},
    "invocation edit": {"payload": '{"total": 6}'},
    "stateitem add": {"scope": "users", "key": "43", "value": "2"},
    "stateitem change": {"value": "2"},
    "trigger add": {
        "trigger_type": "cron",
        "function_id": "shop.report",
        "config": '{"schedule": "0 4 * * *"}',
        "trigger_id": "later",
    },
    "trigger change": {"config": '{"schedule": "0 4 * * *"}'},
    "trigger fire_times": {"trigger_type": "cron", "config": '{"schedule": "0 4 * * *"}'},
    "trigger test_fire": {"payload": "{}"},
    "triggertype add": {"type_id": "order.lost"},
    "triggertype change": {"description": "An order was paid."},
    "workertoken add": {"name": "other"},
    "workertoken change": {"name": "renamed"},
}

# They answer without a change to anything.
WITHOUT_EFFECT = {"trigger config_add", "trigger config_change", "trigger fire_times"}
