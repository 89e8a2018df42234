"""Bodies of requests: JSON, strictly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from rest_framework.parsers import BaseParser

from iii_triggers.conf import settings
from iii_triggers.protocol.codec import from_json
from iii_triggers.protocol.errors import IiiError, MalformedFrame, PayloadTooLarge
from iii_triggers.protocol.json_values import check_json, json_error

from .problems import Problem, bad_field, of_engine


class JsonParser(BaseParser):
    """Reads what a database can keep, and says where it is broken; an empty body is ``{}``."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the value in the body. Raise Problem."""
        body = stream.read(settings.III_MAX_BODY_BYTES + 1)
        if len(body) > settings.III_MAX_BODY_BYTES:
            limit = settings.III_MAX_BODY_BYTES
            raise of_engine(PayloadTooLarge(f"The body must have at most {limit} bytes."))
        return parse_json(body) if body.strip() else {}


def parse_json(body: bytes) -> Any:
    """Return the value in ``body``. Raise Problem with what is wrong, and where."""
    try:
        value = from_json(body)
        check_json(value)
    except MalformedFrame as error:
        raise _malformed(body, error) from error
    except IiiError as error:
        raise of_engine(error, field="") from error
    return value


def _malformed(body: bytes, error: MalformedFrame) -> Problem:
    reason = json_error(body) or error.message
    return bad_field("", f"The body is not valid JSON: {reason}", code="parse_error")
