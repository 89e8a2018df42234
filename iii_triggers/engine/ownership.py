"""Who may have a name: reserved ids, and the rules of ``III_FUNCTION_CONFLICT = "reject"``.

Those are the reference engine's: a name has one owner, and an SDK that understands a rejection gets
one (protocol reference, sections 3.6 and 3.9). Older SDKs rely on "the newest wins". A worker that
comes back under the same identity is never in its own way.
"""

from __future__ import annotations

from collections.abc import Iterable

from iii_triggers.conf import settings
from iii_triggers.protocol.messages import RegistrationRejected

from .connections import WorkerConnection
from .functions import ENGINE_PREFIX, FunctionInfo, FunctionTable

UNDERSTOOD_SINCE = (0, 23, 0)
"""The SDK version that hears of rejections; a worker without a version is taken for older."""


def refuse_function(
    table: FunctionTable, info: FunctionInfo, newcomer: WorkerConnection
) -> RegistrationRejected | None:
    """Return why a worker may not offer a function, None if it may."""
    if info.namespace != "default" and info.function_id.startswith(ENGINE_PREFIX):
        return _function_conflict(info, owner_worker_id="")
    if not _rejects(newcomer):
        return None
    owner = _other(newcomer, (offer.connection for offer in table.offers_of(info.key)))
    if owner is not None:
        return _function_conflict(info, owner_worker_id=owner.worker_id)
    # Of workers of other nodes only the name is known. One of this name has moved here; the other
    # node may not have noticed yet that it is gone.
    names = {offer.worker_name for offer in table.remote.offers_of(info.key)}
    if names - {newcomer.info.name}:
        return _function_conflict(info, owner_worker_id="")
    return None


def refuse_name(
    connections: Iterable[WorkerConnection], newcomer: WorkerConnection
) -> RegistrationRejected | None:
    """Return why a worker may not have its name, None if it may.

    ``connections`` are those of this process.
    """
    name, namespace = newcomer.info.name, newcomer.namespace
    if name is None or not _rejects(newcomer):
        return None
    same = (c for c in connections if c.info.name == name and c.namespace == namespace)
    owner = _other(newcomer, (c for c in same if c.registered))
    if owner is None:
        return None
    return RegistrationRejected(
        code="WORKER_NAMESPACE_CONFLICT",
        namespace=namespace,
        worker_name=name,
        owner_worker_id=owner.worker_id,
    )


def understands_rejections(connection: WorkerConnection) -> bool:
    """Tell whether the SDK of a worker acts on ``registrationrejected``."""
    version = connection.sdk_version
    return version is not None and version >= UNDERSTOOD_SINCE


def _rejects(newcomer: WorkerConnection) -> bool:
    return settings.III_FUNCTION_CONFLICT == "reject" and understands_rejections(newcomer)


def _other(
    newcomer: WorkerConnection, owners: Iterable[WorkerConnection]
) -> WorkerConnection | None:
    """Return the first owner that lives and is not the same worker on an older connection.

    A worker under rules is in the way of none without: it may have come while the owner was away.
    """
    for owner in owners:
        if newcomer.session.is_open and not owner.session.is_open:
            continue
        is_same = newcomer.identity is not None and owner.identity == newcomer.identity
        if owner is not newcomer and not owner.closed and not is_same:
            return owner
    return None


def _function_conflict(info: FunctionInfo, *, owner_worker_id: str) -> RegistrationRejected:
    return RegistrationRejected(
        code="FUNCTION_NAMESPACE_CONFLICT",
        namespace=info.namespace,
        function_id=info.function_id,
        owner_worker_id=owner_worker_id,
    )
