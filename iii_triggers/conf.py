"""The settings of the app: ``III_*`` in the site's settings, read live.

The annotations below are the reference and the values beside them the defaults. What was read is
remembered until Django says that the setting changed, so ``override_settings`` works and the hot
path pays for an attribute only.
"""

from __future__ import annotations

from typing import Any, Literal, cast

from django.conf import settings as django_settings

MIB = 1024 * 1024

StreamAccess = Literal["auto", "open", "authenticated"]
FunctionConflict = Literal["balance", "newest", "reject"]
History = Literal["all", "failures", "off"]
Tracing = Literal["auto", "off"]

REDACTED_KEYS = [
    "access_key",
    "access_token",
    "api_key",
    "apikey",
    "authorization",
    "client_secret",
    "cookie",
    "passwd",
    "password",
    "private_key",
    "proxy_authorization",
    "refresh_token",
    "secret",
    "set_cookie",
    "token",
    "x_api_key",
]


class Settings:
    """The ``III_*`` settings and their defaults."""

    III_HTTP_PREFIX: str = "/iii/http"
    """Path on the site's own port below which HTTP triggers answer; "" is the site's root."""

    III_DEFAULT_TIMEOUT_MS: int = 30_000
    """How long an invocation may take when neither trigger nor caller says."""

    III_MAX_BODY_BYTES: int = 10 * MIB
    """Largest body of a request to an HTTP trigger, which may set less or more, or to the API."""

    III_MAX_FRAME_BYTES: int = 64 * MIB
    """Largest frame a worker may send; the newest SDKs send up to 64 MiB."""

    III_CHANNEL_LAYER: str = "default"
    """The layer of ``CHANNEL_LAYERS`` through which the processes of the site reach each other."""

    III_MAX_CHANNELS: int = 1000
    """How many channels made by ``engine::channels::create`` may be open in one process."""

    III_CHANNEL_BUFFER_BYTES: int = 4 * MIB
    """How much may wait in one channel before its writer has to wait."""

    III_MAX_CHANNEL_FRAME_BYTES: int = 16 * MIB
    """Largest frame a writer may send into a channel; SDKs send up to 64 KiB of binary."""

    III_CHANNEL_TTL_S: float = 300.0
    """How long one end of a channel waits for the other before the channel is dropped."""

    III_STREAM_GRACE_MS: int = 100
    """How long a worker that returned nothing has to begin a streamed HTTP response.

    Then the answer is 204; a slow connection gets up to 400 ms more.
    """

    III_TRIGGER_TYPE_GRACE_MS: int = 50
    """How long the triggers of a type that a worker has just registered wait before it hears them.

    SDKs are ready for them only some moments after they sent the type.
    """

    III_HTTP_MIDDLEWARE: list[str] = []
    """Ids of the functions that every request to an HTTP trigger goes through first, in order."""

    III_MAX_SEND_QUEUE_BYTES: int = 64 * MIB
    """How much may wait to be sent to one worker before its connection is dropped."""

    III_MAX_FUNCTIONS_PER_WORKER: int = 10_000
    """How many functions one connection may register."""

    III_MAX_TRIGGERS_PER_WORKER: int = 10_000
    """How many triggers one connection may register."""

    III_MAX_TRIGGER_TYPES_PER_WORKER: int = 1000
    """How many trigger types one connection may provide."""

    III_MAX_API_TRIGGERS: int = 10_000
    """How many triggers made by ``engine::register_trigger`` there may be."""

    III_MAX_IN_FLIGHT_PER_WORKER: int = 10_000
    """How many calls of one connection may wait for their result at the same time."""

    III_MAX_ID_LENGTH: int = 255
    """Longest function, trigger or trigger type id."""

    III_ALLOW_LOOPBACK_WORKERS: bool = True
    """Let workers on this machine connect without a token."""

    III_ALLOWED_ORIGINS: list[str] = []
    """Origins (``https://app.example``) whose pages may open a worker socket."""

    III_WORKER_LISTENERS: list[dict[str, Any]] = []
    """More doors for workers: port, host, path, middleware_function_id, rbac, require_token."""

    III_AUTH_TIMEOUT_S: float = 30.0
    """How long the auth function of a listener, or a hook of a registration, may take."""

    III_CORS_ALLOWED_ORIGINS: list[str] = []
    """Origins that may call HTTP triggers from a page; empty turns CORS off, "*" allows all."""

    III_FUNCTION_CONFLICT: FunctionConflict = "balance"
    """When several workers offer one function: share the calls, call the newest, or refuse it."""

    III_REGISTRATION_GRACE_S: float = 1.0
    """How long registrations of a worker that fell silent wait for it to introduce itself."""

    III_SITE_THREADS: int = 16
    """Threads for the site's plain (not ``async``) functions."""

    III_SYNC_INTERVAL_S: float = 0.25
    """How often each process looks for changes made by other processes."""

    III_WRITE_INTERVAL_S: float = 0.1
    """How long live registrations are gathered before they are written in one batch."""

    III_HEARTBEAT_INTERVAL_S: float = 5.0
    """How often a process says that it lives."""

    III_PING_INTERVAL_S: float = 20.0
    """How often ``runengine`` asks the peer of each WebSocket whether it is still there."""

    III_PING_TIMEOUT_S: float = 20.0
    """How long that peer may take to answer before its connection is dropped."""

    III_NODE_TIMEOUT_S: float = 30.0
    """After how long without a heartbeat a process on another host counts as dead."""

    III_SHUTDOWN_GRACE_S: float = 10.0
    """How long a stopping process, or a worker that is drained, has to finish what is in flight."""

    III_CLOSE_SPREAD_S: float = 2.0
    """Over how long a stopping process spreads the closes of its workers, if it has many."""

    III_MAX_PAYLOAD_BYTES: int = MIB
    """Largest message that a topic or a named queue takes, as JSON."""

    III_MAX_ATTEMPTS: int = 3
    """How often a delivery is started before it is dead, when its trigger does not say."""

    III_BACKOFF_MS: int = 1000
    """Pause after the first failure of a delivery; it doubles with each further one."""

    III_MAX_BACKOFF_MS: int = 15 * 60 * 1000
    """Longest pause between two attempts."""

    III_DELIVERY_TIMEOUT_S: float = 300.0
    """How long one attempt of a delivery may take, when its trigger does not say."""

    III_LEASE_S: float = 330.0
    """How long a process may run a delivery without renewing its claim; it renews while it lives.

    Deliveries of a process that is known to be gone are taken over at once.
    """

    III_CONSUMER_THREADS: int = 16
    """How many deliveries ``runengine`` runs at the same time."""

    III_SWEEP_INTERVAL_S: float = 1.0
    """How often every Celery worker looks for deliveries that nobody works on."""

    III_RESEND_S: float = 15.0
    """After how long a waiting delivery is sent to Celery again; twice as long each time."""

    III_UNAVAILABLE_TTL_S: float = 24 * 3600.0
    """How long a delivery waits for its function, or for a subscriber, before it is dead."""

    III_SUBSCRIPTION_TTL_S: float = 24 * 3600.0
    """How long the subscription of a worker that went away goes on collecting messages."""

    III_DELIVERY_RETENTION_S: float = 7 * 24 * 3600.0
    """How long deliveries that succeeded, were skipped or cancelled are kept."""

    III_DEAD_RETENTION_S: float = 30 * 24 * 3600.0
    """How long dead deliveries are kept."""

    III_MISFIRE_GRACE_S: float = 5.0
    """How late a slot of a cron trigger may be noticed and still fire as if it were on time."""

    III_MISFIRE_MAX: int = 1000
    """How many missed slots of one cron trigger are made up for at most, the newest ones."""

    III_QUEUES: dict[str, Any] = {}
    """Named queues: name to max_retries, concurrency, type, message_group_field, backoff_ms."""

    III_TOPIC_QUEUES: dict[str, str] = {}
    """Celery queues of topics that have another one than ``iii.<topic>``."""

    III_STATE_MAX_VALUE_BYTES: int = 10 * MIB
    """Largest value of state, of the key-value server and of a stream item, as JSON."""

    III_STATE_MAX_BACKLOG: int = 10_000
    """How many firings of ``state`` or ``configuration`` triggers may wait for the same item."""

    III_CONFIGURATION_ENV: list[str] = []
    """Environment variables that configurations may name as ``${NAME}``: globs, none by default."""

    III_HTTP_FUNCTION_ALLOWED_HOSTS: list[str] = ["*"]
    """Hosts whose URLs may be functions: globs such as ``*.example.com``; empty turns them off."""

    III_HTTP_FUNCTION_REQUIRE_HTTPS: bool = True
    """Call functions over https only."""

    III_HTTP_FUNCTION_ALLOW_PRIVATE: bool = False
    """Call functions on private and loopback addresses too."""

    III_HTTP_FUNCTION_SECRETS: list[str] = []
    """Environment variables that functions behind URLs may use to authenticate: globs."""

    III_HTTP_FUNCTION_CONCURRENCY: int = 100
    """How many functions are called over HTTP at the same time; one server gets half at most."""

    III_HTTP_FUNCTION_MAX_BYTES: int = 10 * MIB
    """Largest response of a function that is called over HTTP."""

    III_API_THROTTLES: dict[str, str] = {"read": "600/min", "write": "120/min", "fire": "120/min"}
    """How often one person may call the REST API; a scope left out keeps its limit, "" has none."""

    III_HISTORY: History = "all"
    """Which runs the history keeps; numbers of runs are kept unless it is "off"."""

    III_HISTORY_PAYLOAD_BYTES: int = 16 * 1024
    """How much of the input and of the output of a run is kept; 0 keeps nothing of them."""

    III_HISTORY_PAYLOADS_PER_S: int = 250
    """How many runs keep input and output in a second of a process; those that fail always do."""

    III_HISTORY_RETENTION_S: float = 7 * 24 * 3600.0
    """How long runs are kept."""

    III_HISTORY_REDACT: list[str] = REDACTED_KEYS
    """Keys whose values the history does not keep; case, "-" and "_" make no difference."""

    III_HISTORY_EXCLUDE: list[str] = ["engine::*"]
    """Functions whose runs are not kept: globs of function ids."""

    III_HISTORY_INTERVAL_S: float = 0.25
    """How long runs are gathered before they are written in one batch."""

    III_HISTORY_MAX_PENDING: int = 20_000
    """How many runs may wait to be written; those that end meanwhile are only counted."""

    III_METRICS_TOKEN: str = ""
    """Token that opens ``/iii/metrics`` for a Prometheus server; "" leaves it to users."""

    III_METRICS_FUNCTIONS: int = 0
    """How many functions have numbers of their own in the metrics of a process."""

    III_LOGS_MAX: int = 1000
    """How many logs of workers each process keeps; the oldest go first."""

    III_OTLP_ENDPOINT: str = ""
    """Where telemetry of workers goes, as OTLP/JSON: ``http://collector:4318``; "" drops it."""

    III_OTLP_HEADERS: dict[str, str] = {}
    """Headers of the requests to ``III_OTLP_ENDPOINT``, such as the key of an account."""

    III_TUNE_GC: bool = True
    """Have Python look for garbage less often in processes that serve, once they have started."""

    III_TRACING: Tracing = "auto"
    """Make spans if the site has set OpenTelemetry up ("auto"), or never."""

    III_STREAM_AUTH_FUNCTION: str = ""
    """Id of the function that says who a stream client is; "" asks nobody."""

    III_STREAM_ACCESS: StreamAccess = "auto"
    """Who may connect as a stream client: everybody, or whom the auth function knows.

    "auto" is "authenticated" on the site's own port unless DEBUG is on, and "open" elsewhere.
    """

    III_STREAM_CLIENT_PUBLISH: bool = False
    """Let stream clients send events where their join was answered with ``publish: true``."""

    III_STREAM_MAX_CLIENTS: int = 10_000
    """How many stream clients one process takes."""

    III_STREAM_MAX_SUBSCRIPTIONS: int = 100
    """How many subscriptions one stream client may have at the same time."""

    III_STREAM_MAX_FRAME_BYTES: int = 64 * 1024
    """Largest frame a stream client may send."""

    III_STREAM_MAX_SEND_QUEUE_BYTES: int = 4 * MIB
    """How much may wait to be sent to one stream client before its connection is dropped."""

    III_STREAM_MAX_BACKLOG: int = 1000
    """How many firings may wait for those before them in one group of a stream."""

    III_STREAM_GAP_MS: int = 500
    """How long an event of a stream that other nodes have told of may be on its way."""

    III_STREAM_RESUME_EVENTS: int = 1000
    """How many events of a group each process keeps for clients that come back; 0 keeps none."""

    III_STREAM_RESUME_BYTES: int = 16 * MIB
    """How much the events that a process keeps for such clients may take, all groups together."""

    III_TRIGGER_TYPES: list[str] = [
        "iii_triggers.trigger_types.http.HttpTriggerType",
        "iii_triggers.trigger_types.subscribe.SubscribeTriggerType",
        "iii_triggers.trigger_types.queue.QueueTriggerType",
        "iii_triggers.trigger_types.cron.CronTriggerType",
        "iii_triggers.trigger_types.state.StateTriggerType",
        "iii_triggers.trigger_types.configuration.ConfigurationTriggerType",
        "iii_triggers.trigger_types.stream.StreamTriggerType",
        "iii_triggers.trigger_types.stream.StreamJoinTriggerType",
        "iii_triggers.trigger_types.stream.StreamLeaveTriggerType",
        "iii_triggers.trigger_types.functions_available.FunctionsAvailableTriggerType",
        "iii_triggers.trigger_types.workers_available.WorkersAvailableTriggerType",
        "iii_triggers.trigger_types.log.LogTriggerType",
    ]
    """Dotted paths of the built-in trigger types, in the order they are registered."""


class LiveSettings:
    """Looks a setting up in the site's settings, then among the defaults."""

    def __getattr__(self, name: str) -> Any:
        value = getattr(django_settings, name, getattr(Settings, name))
        self.__dict__[name] = value
        return value

    def forget(self, name: str) -> None:
        """Look ``name`` up anew at its next use."""
        self.__dict__.pop(name, None)


live_settings = LiveSettings()
settings = cast("Settings", live_settings)
