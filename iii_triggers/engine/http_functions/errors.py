"""What can go wrong with a function behind a URL (trigger reference, section 10)."""

from __future__ import annotations

from iii_triggers.protocol.errors import IiiError, InvalidArguments


class InvalidInvocation(InvalidArguments):
    """The settings of the HTTP invocation are not valid."""


class UrlRefused(IiiError):
    """The engine does not call this URL."""

    code = "url_validation_failed"


class SecretNotFound(IiiError):
    """The key that signs the request is not there."""

    code = "secret_not_found"


class TokenNotFound(IiiError):
    """The token of the request is not there."""

    code = "token_not_found"


class ApiKeyNotFound(IiiError):
    """The API key of the request is not there."""

    code = "api_key_not_found"


class RequestFailed(IiiError):
    """The request could not be made, or was not answered."""

    code = "http_request_failed"


class ResponseFailed(IiiError):
    """The response could not be read to its end."""

    code = "http_response_failed"


class InvalidResponse(IiiError):
    """The response is not JSON."""

    code = "invalid_response"


class HttpError(IiiError):
    """HTTP request failed"""

    code = "http_error"
