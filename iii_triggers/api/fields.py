"""Fields of serializers that take JSON for what it is: ``5`` is no text, ``"yes"`` no boolean."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from itertools import islice
from typing import Any

from django.db import models
from rest_framework import serializers
from rest_framework.settings import api_settings

from iii_triggers.conf import settings

MAX_UNKNOWN, MAX_KEY = 20, 255
"""So much is told of keys that nobody knows, however many there are."""


class TextField(serializers.CharField):
    """A text, taken as it is."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"trim_whitespace": False, **kwargs})

    def to_internal_value(self, data: Any) -> str:
        """Refuse numbers."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class IdField(TextField):
    """An id: not blank, and no longer than ``III_MAX_ID_LENGTH``."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"trim_whitespace": True, "max_length": 255, **kwargs})

    def to_internal_value(self, data: Any) -> str:
        """Refuse what is too long for this site."""
        text = super().to_internal_value(data)
        if len(text) > settings.III_MAX_ID_LENGTH:
            limit = settings.III_MAX_ID_LENGTH
            raise serializers.ValidationError(f"Ids have at most {limit} characters.")
        return text


class FlagField(serializers.BooleanField):
    """True or false."""

    def to_internal_value(self, data: Any) -> bool:
        """Refuse words and numbers that only mean it."""
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class NumberField(serializers.FloatField):
    """A number, with or without a fraction."""

    def to_internal_value(self, data: Any) -> float:
        """Refuse texts and booleans."""
        if isinstance(data, bool) or not isinstance(data, (int, float)):
            self.fail("invalid")
        try:
            return float(data)
        except OverflowError:
            self.fail("invalid")


class MomentField(serializers.DateTimeField):
    """A date and time in UTC, whatever the site prefers."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"format": "iso-8601", "default_timezone": UTC, **kwargs})


class RowSerializer(serializers.ModelSerializer):  # type: ignore[type-arg]
    """The fields of a row; a key of the body that it does not have is an error."""

    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.CharField: TextField,
        models.TextField: TextField,
        models.BooleanField: FlagField,
        models.DateTimeField: MomentField,
    }

    def to_internal_value(self, data: Any) -> Any:
        """Return what to write. Raise ValidationError with all that is wrong."""
        check_keys(data, self.fields)
        return super().to_internal_value(data)


class BodySerializer(serializers.Serializer):  # type: ignore[type-arg]
    """The keys of a body that is no row; others are an error."""

    def to_internal_value(self, data: Any) -> Any:
        """Return the values. Raise ValidationError with all that is wrong."""
        check_keys(data, self.fields)
        return super().to_internal_value(data)


def check_keys(data: Any, known: Mapping[str, serializers.Field[Any, Any, Any, Any]]) -> None:
    """Raise ValidationError unless ``data`` is an object of known keys."""
    if not isinstance(data, dict):
        whole = api_settings.NON_FIELD_ERRORS_KEY
        raise serializers.ValidationError({whole: ["The body must be a JSON object."]})
    names = ", ".join(name for name, field in known.items() if not field.read_only)
    others = islice((key for key in data if key not in known), MAX_UNKNOWN)
    unknown = {key[:MAX_KEY]: [f"Unknown; known are {names}."] for key in others}
    if unknown:
        raise serializers.ValidationError(unknown)
