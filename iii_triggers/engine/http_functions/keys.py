"""Secrets of HTTP invocations: environment variables that the site lets workers use.

A worker names the variable and the URL. Without a list it could have any secret of the site sent
to itself, so only what ``III_HTTP_FUNCTION_SECRETS`` names exists for it.
"""

from __future__ import annotations

import os
import re
from fnmatch import fnmatchcase

from iii_triggers.conf import settings
from iii_triggers.protocol.errors import IiiError

from .errors import ApiKeyNotFound, SecretNotFound, TokenNotFound
from .invocations import ApiKey, Auth, Bearer, Hmac

_HEADER_VALUE = re.compile(r"[!-~]([\t -~]*[!-~])?")


def read_key(auth: Auth) -> str:
    """Return the secret that ``auth`` names, as it is now.

    Raise SecretNotFound, TokenNotFound or ApiKeyNotFound if the variable is not set, is empty or
    is not listed; the message does not tell which.
    """
    name, missing = _variable(auth)
    listed = any(fnmatchcase(name, glob) for glob in settings.III_HTTP_FUNCTION_SECRETS)
    value = os.environ.get(name, "") if listed else ""
    if not value:
        raise missing(f"{name[:100]} is not set, or not listed in III_HTTP_FUNCTION_SECRETS.")
    if not isinstance(auth, Hmac) and not _HEADER_VALUE.fullmatch(value):
        raise missing(f"{name[:100]} holds what cannot be the value of a header.")
    return value


def _variable(auth: Auth) -> tuple[str, type[IiiError]]:
    match auth:
        case Hmac():
            return auth.secret_key, SecretNotFound
        case Bearer():
            return auth.token_key, TokenNotFound
        case ApiKey():
            return auth.value_key, ApiKeyNotFound
