"""System checks: each finds its mistake, is registered and is documented."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
from celery import Celery
from django.core import checks
from django.core.checks import CheckMessage, run_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from iii_triggers.checks import celery as celery_checks
from iii_triggers.checks import metrics as metrics_checks
from iii_triggers.checks.settings import RANGES, setting_types
from iii_triggers.conf import Settings
from iii_triggers.models import Trigger
from iii_triggers.trigger_types.base import TriggerRegistrator

ROOT = Path(__file__).parent.parent
SQLITE = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
REDIS_LAYER = "channels_redis.core.RedisChannelLayer"


class AType(TriggerRegistrator):
    """A trigger type that finds a problem of its own."""

    id = "a"

    async def register_trigger(self, trigger: Any) -> None:
        raise NotImplementedError

    async def unregister_trigger(self, trigger: Any) -> None:
        raise NotImplementedError

    def run_checks(self) -> list[CheckMessage]:
        return [checks.Warning("a is odd", id="a.W001")]


class Alias(AType):
    """Has the id of another type as its alias."""

    id = "b"
    aliases = ("a",)

    def run_checks(self) -> list[CheckMessage]:
        return []


class Nameless(AType):
    """Has no id."""

    id = ""


class Abstract(TriggerRegistrator):
    """Cannot be made."""

    id = "abstract"


HERE = __name__

UseCelery = Callable[..., None]


@pytest.fixture
def use_celery(monkeypatch: pytest.MonkeyPatch) -> UseCelery:
    """Let the site have a Celery app with just this configuration: ``use_celery(name=value)``."""

    def use_celery(**conf: Any) -> None:
        app = Celery("site", set_as_current=False)
        app.conf.update({"broker_url": "memory://", **conf})
        monkeypatch.setattr(celery_checks, "celery_app", lambda: app)

    use_celery()
    return use_celery


def found(*, deploy: bool = False, databases: list[str] | None = None) -> list[str]:
    """Return the ids that the registered checks of the app report now."""
    messages = run_checks(include_deployment_checks=deploy, databases=databases)
    return [str(message.id) for message in messages if "security." not in str(message.id)]


def layer(*hosts: Any, backend: str = REDIS_LAYER) -> dict[str, Any]:
    config = {"hosts": list(hosts)} if hosts else {}
    return {"default": {"BACKEND": backend, "CONFIG": config}}


WRONG_SETTINGS: list[tuple[str, str, Any]] = [
    ("E001", "III_HTTP_PREFIX", 5),
    ("E001", "III_HTTP_PREFIX", None),
    ("E001", "III_MAX_BODY_BYTES", "10"),
    ("E001", "III_MAX_BODY_BYTES", True),
    ("E001", "III_MAX_BODY_BYTES", 1.5),
    ("E001", "III_SYNC_INTERVAL_S", "soon"),
    ("E001", "III_SYNC_INTERVAL_S", float("nan")),
    ("E001", "III_SHUTDOWN_GRACE_S", float("inf")),
    ("E001", "III_ALLOW_LOOPBACK_WORKERS", "no"),
    ("E001", "III_ALLOWED_ORIGINS", "https://app.example"),
    ("E001", "III_ALLOWED_ORIGINS", [5]),
    ("E001", "III_TRIGGER_TYPES", None),
    ("E002", "III_MAX_BODY_BYTES", 0),
    ("E002", "III_MAX_ID_LENGTH", 256),
    ("E002", "III_SYNC_INTERVAL_S", 0),
    ("E002", "III_SHUTDOWN_GRACE_S", -1),
    ("E002", "III_SITE_THREADS", 0),
    ("E002", "III_HISTORY_RETENTION_S", 1e10),
    ("E002", "III_DELIVERY_RETENTION_S", 1e12),
    ("E003", "III_FUNCTION_CONFLICT", "oldest"),
    ("E003", "III_FUNCTION_CONFLICT", []),
    ("E003", "III_STREAM_ACCESS", "closed"),
    ("E002", "III_STREAM_MAX_FRAME_BYTES", 1023),
    ("E004", "III_HTTP_PREFIX", "iii"),
    ("E004", "III_HTTP_PREFIX", "/iii/"),
    ("E004", "III_HTTP_PREFIX", "/"),
    ("E004", "III_HTTP_PREFIX", "/a?b"),
    ("E005", "III_TRIGGER_TYPES", ["no.such.Type"]),
    ("E005", "III_TRIGGER_TYPES", ["nodots"]),
    ("E006", "III_TRIGGER_TYPES", ["pathlib.Path"]),
    ("E006", "III_TRIGGER_TYPES", [f"{HERE}.HERE"]),
    ("E006", "III_TRIGGER_TYPES", [f"{HERE}.Nameless"]),
    ("E006", "III_TRIGGER_TYPES", [f"{HERE}.Abstract"]),
    ("E008", "III_ALLOWED_ORIGINS", ["app.example"]),
    ("E008", "III_ALLOWED_ORIGINS", ["*"]),
    ("E008", "III_ALLOWED_ORIGINS", ["https://app.example/"]),
    ("E008", "III_CORS_ALLOWED_ORIGINS", ["http://[x"]),
    ("E009", "III_NODE_TIMEOUT_S", 5.0),
    ("E001", "III_QUEUES", ["emails"]),
    ("E001", "III_QUEUES", {1: {}}),
    ("E001", "III_TOPIC_QUEUES", {"orders": 1}),
    ("E002", "III_CONSUMER_THREADS", 0),
    ("E010", "III_LEASE_S", 300.0),
    ("E010", "III_DELIVERY_TIMEOUT_S", 3600),
    ("E011", "III_QUEUES", {"emails": {"type": "lifo"}}),
    ("E011", "III_QUEUES", {"emails": {"retries": 5}}),
    ("E011", "III_QUEUES", {"emails": None}),
    ("E012", "III_TOPIC_QUEUES", {"orders": ""}),
    ("E012", "III_TOPIC_QUEUES", {"orders": "amq.orders"}),
    ("E001", "III_CONFIGURATION_ENV", "APP_*"),
    ("E014", "III_CONFIGURATION_ENV", [""]),
    ("E014", "III_CONFIGURATION_ENV", ["${HOME}"]),
    ("E015", "III_WORKER_LISTENERS", [{}]),
    ("E015", "III_WORKER_LISTENERS", [{"port": 1, "prot": 2}]),
    ("E015", "III_WORKER_LISTENERS", [{"port": 1}, {"port": 1}]),
    ("E015", "III_WORKER_LISTENERS", [{"port": 1, "rbac": {"expose": []}}]),
    ("E018", "III_CHANNEL_LAYER", "engine"),
    ("W001", "III_HTTP_PREFX", "/x"),
    ("W004", "CHANNEL_LAYERS", layer()),
    ("W004", "CHANNEL_LAYERS", layer("redis://localhost")),
    ("W004", "CHANNEL_LAYERS", layer({"address": "redis://localhost"})),
]

RIGHT_SETTINGS: list[tuple[str, Any]] = [
    ("III_HTTP_PREFIX", ""),
    ("III_HTTP_PREFIX", "/a/b"),
    ("III_SYNC_INTERVAL_S", 1),
    ("III_ALLOWED_ORIGINS", ("https://app.example:8443",)),
    ("III_CORS_ALLOWED_ORIGINS", ["*"]),
    ("III_FUNCTION_CONFLICT", "newest"),
    ("III_TRIGGER_TYPES", []),
    ("III_QUEUES", {"emails": {"max_retries": 5, "concurrency": 4}, "default": {}}),
    ("III_QUEUES", {"ledger": {"type": "fifo", "message_group_field": "account"}}),
    ("III_TOPIC_QUEUES", {"orders": "slow", "returns": "slow"}),
    ("III_CONFIGURATION_ENV", ["APP_*", "PORT", "LOG_[A-Z]?"]),
    ("CHANNEL_LAYERS", {}),
    ("CHANNEL_LAYERS", layer({"address": "redis://localhost", "socket_timeout": None})),
    ("CHANNEL_LAYERS", layer(backend="channels.layers.InMemoryChannelLayer")),
    ("CHANNEL_LAYERS", layer("redis://h", backend="channels_redis.pubsub.RedisPubSubChannelLayer")),
]


def test_the_settings_of_the_demo_site_are_right() -> None:
    assert found() == []


@pytest.mark.parametrize(("check_id", "name", "value"), WRONG_SETTINGS)
def test_a_wrong_setting_is_found(
    settings: Any, use_celery: UseCelery, check_id: str, name: str, value: Any
) -> None:
    if name == "CHANNEL_LAYERS":
        use_celery(broker_url="redis://localhost")
    setattr(settings, name, value)
    assert found() == [f"iii_triggers.{check_id}"]


@pytest.mark.parametrize(("name", "value"), RIGHT_SETTINGS)
def test_a_right_setting_is_left_alone(
    settings: Any, use_celery: UseCelery, name: str, value: Any
) -> None:
    if "redis" in repr(value):
        use_celery(broker_url="redis://localhost")
    setattr(settings, name, value)
    assert found() == []


def test_a_misspelt_name_is_guessed(settings: Any) -> None:
    settings.III_HTTP_PREFX = "/x"
    settings.III_ZZZ = 1
    hints = [message.hint for message in run_checks()]
    assert hints[0] == "Did you mean III_HTTP_PREFIX?"
    assert "docs/settings.md" in str(hints[1])


def test_two_types_with_one_id_are_found(settings: Any) -> None:
    settings.III_TRIGGER_TYPES = [f"{HERE}.AType", f"{HERE}.Alias"]
    assert found() == ["iii_triggers.E007", "a.W001"]


def test_trigger_types_contribute_their_checks(settings: Any) -> None:
    settings.III_TRIGGER_TYPES = [f"{HERE}.AType"]
    assert found() == ["a.W001"]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [(None, ["iii_triggers.W002"]), ("DEFERRED", ["iii_triggers.W002"]), ("immediate", [])],
)
def test_sqlite_without_immediate_transactions_is_found(
    monkeypatch: pytest.MonkeyPatch, settings: Any, mode: str | None, expected: list[str]
) -> None:
    database = {**SQLITE, "OPTIONS": {} if mode is None else {"transaction_mode": mode}}
    monkeypatch.setitem(settings.DATABASES, "other", database)
    assert found() == expected


@pytest.mark.parametrize("max_age", [60, None])
def test_persistent_connections_are_found_under_asgi_only(
    monkeypatch: pytest.MonkeyPatch, settings: Any, max_age: int | None
) -> None:
    monkeypatch.setitem(settings.DATABASES["default"], "CONN_MAX_AGE", max_age)
    assert found() == ["iii_triggers.W003"]
    settings.ASGI_APPLICATION = None
    assert "iii_triggers.W003" not in found()


def test_redis_before_8_needs_no_socket_timeout(
    monkeypatch: pytest.MonkeyPatch, settings: Any, use_celery: UseCelery
) -> None:
    use_celery(broker_url="redis://localhost")
    settings.CHANNEL_LAYERS = layer()
    monkeypatch.setattr("importlib.metadata.version", {"redis": "7.1.0", "daphne": "5"}.get)
    assert found() == []


def test_the_command_of_channels_must_not_hide_ours(settings: Any) -> None:
    apps = [app for app in settings.INSTALLED_APPS if app != "channels"]
    settings.INSTALLED_APPS = ["channels", *apps]
    assert found() == ["iii_triggers.W005"]
    settings.INSTALLED_APPS = apps
    assert "iii_triggers.W005" not in found()


@pytest.mark.parametrize(
    ("version", "expected"),
    [("4.2.2", ["iii_triggers.W006"]), ("4.2.3", []), ("4.10.0b1", [])],
)
def test_a_daphne_with_known_holes_is_found(
    monkeypatch: pytest.MonkeyPatch, version: str, expected: list[str]
) -> None:
    monkeypatch.setattr("importlib.metadata.version", {"redis": "8", "daphne": version}.get)
    assert found() == expected


def test_open_loopback_workers_are_found_before_a_deployment(settings: Any) -> None:
    settings.DEBUG = False
    assert "iii_triggers.W007" in found(deploy=True)
    assert "iii_triggers.W007" not in found()
    settings.III_ALLOW_LOOPBACK_WORKERS = False
    assert "iii_triggers.W007" not in found(deploy=True)


def test_private_addresses_of_functions_are_found_before_a_deployment(settings: Any) -> None:
    settings.DEBUG = False
    settings.III_HTTP_FUNCTION_ALLOW_PRIVATE = True
    assert "iii_triggers.W014" in found(deploy=True)
    assert "iii_triggers.W014" not in found()
    settings.III_HTTP_FUNCTION_ALLOWED_HOSTS = ["jobs.internal"]
    assert "iii_triggers.W014" not in found(deploy=True)


def test_an_endpoint_of_telemetry_is_a_url(settings: Any) -> None:
    settings.III_OTLP_ENDPOINT = "collector:4318"
    assert found() == ["iii_triggers.E016"]
    settings.III_OTLP_ENDPOINT = "http://collector:4318"
    assert found() == []


def test_metrics_that_cannot_be_written_are_found(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.III_METRICS_TOKEN = "secret"
    assert found() == []
    monkeypatch.setattr(metrics_checks, "find_spec", lambda name: None)
    assert found() == ["iii_triggers.W017"]
    settings.III_METRICS_TOKEN = ""
    assert found() == []


def test_stream_doors_that_nobody_or_everybody_passes_are_found(settings: Any) -> None:
    settings.DEBUG = False
    settings.III_STREAM_ACCESS = "authenticated"
    assert "iii_triggers.W012" in found()
    settings.III_STREAM_AUTH_FUNCTION = "streams.auth"
    assert "iii_triggers.W012" not in found()
    settings.III_STREAM_ACCESS = "open"
    assert "iii_triggers.W013" not in found(deploy=True)
    settings.III_STREAM_AUTH_FUNCTION = ""
    assert "iii_triggers.W013" in found(deploy=True)
    assert "iii_triggers.W013" not in found()
    settings.III_STREAM_ACCESS = "auto"
    assert "iii_triggers.W013" not in found(deploy=True)


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        (["json"], []),
        (["application/json", "yaml"], []),
        (["json", "pickle"], ["iii_triggers.W008"]),
        (["application/x-python-serialize", "json"], ["iii_triggers.W008"]),
        (["yaml"], ["iii_triggers.E013"]),
    ],
)
def test_celery_reads_json_and_no_pickle(
    use_celery: UseCelery, accepted: list[str], expected: list[str]
) -> None:
    use_celery(accept_content=accepted)
    assert found() == expected


@pytest.fixture
def cron_trigger(transactional_db: None) -> Trigger:
    """A cron trigger of the admin."""
    return Trigger.objects.create(trigger_id="c", trigger_type="cron", function_id="f")


def test_a_beat_that_fires_no_cron_triggers_is_found(
    use_celery: UseCelery, cron_trigger: Trigger
) -> None:
    assert found(databases=["default"]) == ["iii_triggers.W009"]
    assert found() == []
    use_celery(beat_scheduler=celery_checks.SCHEDULER)
    assert found(databases=["default"]) == []


def test_any_beat_will_do_without_cron_triggers(
    use_celery: UseCelery, cron_trigger: Trigger
) -> None:
    Trigger.objects.update(enabled=False)
    assert found(databases=["default"]) == []


def test_a_site_without_celery_has_no_beat_to_warn_of(
    monkeypatch: pytest.MonkeyPatch, cron_trigger: Trigger
) -> None:
    monkeypatch.setattr(celery_checks, "is_of_site", lambda app: False)
    assert found(databases=["default"]) == []


def test_a_database_without_tables_is_left_alone(
    use_celery: UseCelery, monkeypatch: pytest.MonkeyPatch, transactional_db: None
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Trigger._meta, "db_table", "not_there")
        assert celery_checks.check_scheduler(databases=["default"]) == []


def test_a_broker_beside_a_layer_in_memory_is_found(use_celery: UseCelery) -> None:
    use_celery(broker_url="amqp://localhost")
    assert found() == ["iii_triggers.W010"]


def test_a_broker_in_memory_beside_a_shared_layer_is_found(
    settings: Any, use_celery: UseCelery
) -> None:
    settings.CHANNEL_LAYERS = layer({"address": "redis://localhost", "socket_timeout": None})
    assert found() == ["iii_triggers.W010"]


def test_a_broker_in_memory_is_found_before_a_deployment(
    settings: Any, use_celery: UseCelery
) -> None:
    assert "iii_triggers.W011" in found(deploy=True)
    assert found() == []
    settings.DEBUG = True
    assert "iii_triggers.W011" not in found(deploy=True)
    settings.DEBUG = False
    use_celery(broker_url="redis://localhost")
    assert "iii_triggers.W011" not in found(deploy=True)


def test_check_the_command_fails_on_an_error(settings: Any) -> None:
    settings.III_HTTP_PREFIX = "iii"
    with pytest.raises(SystemCheckError, match=r"iii_triggers\.E004"):
        call_command("check")


def test_every_message_has_a_hint(settings: Any, use_celery: UseCelery) -> None:
    use_celery(accept_content=["pickle"])
    for _, name, value in WRONG_SETTINGS:
        setattr(settings, name, value)
    assert all(message.hint for message in run_checks())


def ids_in(text: str) -> list[str]:
    return re.findall(r"iii_triggers\.([EW]\d{3})", text)


def test_ids_are_unique_tested_and_documented() -> None:
    app = ROOT / "iii_triggers"
    sources = [*(app / "checks").glob("*.py"), app / "api" / "checks.py"]
    used = Counter(check_id for path in sources for check_id in ids_in(path.read_text()))
    assert used, "no check was found"
    several = {check_id: count for check_id, count in used.items() if count > 1}
    assert set(several) <= {"E008"}, f"Give each subject an id of its own: {several}"
    documented = ids_in((ROOT / "docs" / "checks.md").read_text())
    assert sorted(documented) == sorted(used), "List each id once in docs/checks.md."
    tests = [Path(__file__), ROOT / "tests" / "api" / "test_api_checks.py"]
    tested = {found for path in tests for found in re.findall(r"[EW]\d{3}\b", path.read_text())}
    assert set(used) <= tested, "Test each id in tests/test_checks.py."


def documented_settings() -> dict[str, tuple[str, str]]:
    text = (ROOT / "docs" / "settings.md").read_text()
    rows = re.findall(r"^\| `(III_\w+)` \| (.+?) \| `(.+?)` \| .+ \|$", text, re.MULTILINE)
    return {name: (kind, default) for name, kind, default in rows}


def describe(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return " or ".join(f'`"{choice}"`' for choice in get_args(annotation))
    is_plain = isinstance(annotation, type) and get_origin(annotation) is None
    name = annotation.__name__ if is_plain else str(annotation).replace("typing.", "")
    return f"`{name}`"


def test_the_documentation_lists_every_setting_with_type_and_default() -> None:
    expected = {
        name: (describe(annotation), repr(getattr(Settings, name)).replace("'", '"'))
        for name, annotation in setting_types().items()
    }
    assert documented_settings() == expected, "Bring docs/settings.md up to date."


def test_the_documentation_lists_the_limits_of_numbers() -> None:
    text = (ROOT / "docs" / "settings.md").read_text()
    rows = re.findall(r"^\| `(III_\w+)` \| ([\d.]+) \| (\d*) \|$", text, re.MULTILINE)
    documented = {name: (float(low), float(high or "inf")) for name, low, high in rows}
    expected = {name: (limit.minimum, limit.maximum) for name, limit in RANGES.items()}
    assert documented == expected, "Bring the limits in docs/settings.md up to date."
    assert set(RANGES) <= set(setting_types()), "Remove the limits of settings that are gone."
