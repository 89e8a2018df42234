"""Links from a run to what it has to do with, as far as that is still there."""

from __future__ import annotations

from collections.abc import Sequence

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from iii_triggers.models import Delivery, Function, Invocation, Node, Trigger, Worker

from .formatting import NOTHING, cut, moment
from .invocation_texts import run_badge
from .links import run_list_url, trigger_link
from .live_links import change_url

MAX_REPLAYS = 50


def attach_triggers(runs: Sequence[Invocation]) -> None:
    """Read the triggers of some runs at once, for ``trigger_of``."""
    ids = {run.trigger_id for run in runs if run.trigger_id}
    rows = Trigger.objects.filter(trigger_id__in=ids) if ids else ()
    found = {(row.namespace, row.trigger_id): row for row in rows}
    for run in runs:
        trigger = found.get((run.namespace, run.trigger_id))
        run.trigger_ = trigger  # type: ignore[attr-defined]


def trigger_of(run: Invocation, *, by_id: bool = False) -> SafeString | str:
    """Return the trigger as a link, of its id alone if asked; the bare id of one that is gone."""
    if not hasattr(run, "trigger_"):
        attach_triggers([run])
    trigger: Trigger | None = getattr(run, "trigger_", None)
    return _link(trigger, cut(run.trigger_id)) if by_id else trigger_link(trigger, run.trigger_id)


def function_of(run: Invocation) -> SafeString | str:
    """Return the function as a link; the bare id of one that nobody offers now."""
    same = Function.objects.filter(function_id=run.function_id, namespace=run.namespace)
    return _link(same.first(), run.function_id)


def worker_of(run: Invocation) -> SafeString | str:
    """Return the worker as a link; name and id of one that is not connected now."""
    if not run.worker_id:
        return run.worker_name or gettext("this site")
    text = f"{run.worker_name} ({run.worker_id})" if run.worker_name else run.worker_id
    return _link(Worker.objects.filter(pk=run.worker_id).first(), text)


def node_of(run: Invocation) -> SafeString | str:
    """Return the node as a link; the id of one that is gone."""
    node = Node.objects.filter(pk=run.node_id).first() if run.node_id else None
    return _link(node, str(node or run.node_id or NOTHING))


def delivery_of(run: Invocation) -> SafeString | str:
    """Return the delivery as a link; the id of one that is not kept any more."""
    if run.delivery_id is None:
        return NOTHING
    rows = Delivery.objects.filter(pk=run.delivery_id).only("pk")
    return _link(rows.first(), str(run.delivery_id))


def original_of(run: Invocation) -> SafeString | str:
    """Return the run that ``run`` repeats; the id of one that is not kept any more."""
    if run.replay_of is None:
        return NOTHING
    rows = Invocation.objects.filter(pk=run.replay_of).only("pk")
    return _link(rows.first(), str(run.replay_of))


def replays_of(run: Invocation) -> SafeString | str:
    """Return the runs that repeat ``run``, the newest first."""
    rows = Invocation.objects.filter(replay_of=run.pk).defer("error")[:MAX_REPLAYS]
    items = [(change_url(row), moment(row.started_at), run_badge(row)) for row in rows]
    row = '<li><a href="{}">{}</a> {}</li>'
    shown = format_html_join("", row, items)
    return format_html('<ul class="iii-links">{}</ul>', shown) if items else NOTHING


def list_links(run: Invocation) -> dict[str, str]:
    """Return lists of runs that have something in common with ``run``, as address to title."""
    links = {run_list_url(function=run.function_id): gettext("Runs of this function")}
    if run.trigger_id:
        links[run_list_url(trigger=run.trigger_id)] = gettext("Runs of this trigger")
    worker = run.worker_name or run.worker_id
    if worker:
        links[run_list_url(worker=worker)] = gettext("Runs on this worker")
    return links


def run_url(run_id: object) -> str:
    """Return the address of the page of a run."""
    return reverse("admin:iii_triggers_invocation_change", args=[run_id])


def _link(
    row: Function | Trigger | Worker | Node | Delivery | Invocation | None, text: str
) -> SafeString | str:
    if row is None:
        return text
    return format_html('<a href="{}">{}</a>', change_url(row), text)
