"""Who may call what over the REST API; test_api.py holds it against the endpoints there are."""

from __future__ import annotations

from .cast import ACT, EDIT, LOOK, STAFF

MATRIX: dict[str, frozenset[str]] = {
    "GET /": STAFF,
    "GET /schema/": STAFF,
    "GET /trigger-types/": LOOK,
    "GET /trigger-types/{triggertype.pk}/": LOOK,
    "GET /triggers/": LOOK,
    "GET /triggers/{trigger.pk}/": LOOK,
    "POST /triggers/": EDIT,
    "PUT /triggers/{trigger.pk}/": EDIT,
    "PATCH /triggers/{trigger.pk}/": EDIT,
    "DELETE /triggers/{trigger.pk}/": EDIT,
    "POST /triggers/{trigger.pk}/enable/": EDIT,
    "POST /triggers/{trigger.pk}/disable/": EDIT,
    "POST /triggers/{trigger.pk}/fire/": ACT,
    "GET /runs/": LOOK,
    "GET /runs/{invocation.pk}/": LOOK,
    "GET /runs/{invocation.pk}/payload/": ACT,
    "POST /runs/{invocation.pk}/replay/": ACT,
    "GET /functions/": LOOK,
    "GET /functions/{function.function_id}/": LOOK,
    "POST /functions/{function.function_id}/invoke/": ACT,
    "GET /workers/": LOOK,
    "GET /workers/{worker.pk}/": LOOK,
    "POST /workers/{worker.pk}/disconnect/": ACT,
    "POST /workers/{worker.pk}/drain/": ACT,
    "GET /topics/": LOOK,
    "GET /topics/{topic.name}/": LOOK,
    "POST /topics/{topic.name}/publish/": ACT,
    "GET /deliveries/": LOOK,
    "GET /deliveries/{delivery.pk}/": LOOK,
    "GET /deliveries/{delivery.pk}/payload/": ACT,
    "POST /deliveries/{delivery.pk}/redrive/": ACT,
    "POST /deliveries/{delivery.pk}/discard/": ACT,
    "POST /deliveries/{delivery.pk}/hold/": ACT,
    "POST /deliveries/{delivery.pk}/release/": ACT,
    "POST /deliveries/{delivery.pk}/cancel/": ACT,
    "GET /nodes/": LOOK,
}
