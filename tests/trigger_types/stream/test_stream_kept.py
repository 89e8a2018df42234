"""What is kept for clients that come back."""

from __future__ import annotations

from django.test import override_settings

from iii_triggers.trigger_types.stream.events import StreamEvent
from iii_triggers.trigger_types.stream.kept import OVERHEAD_BYTES, KeptEvents
from iii_triggers.trigger_types.stream.places import Place


def event(seq: int, *, group: str = "g", size: int = 100) -> StreamEvent:
    place = Place(stream_name="s", group_id=group)
    return StreamEvent(place=place, text=b"x" * size, seq=seq)


def seqs(kept: KeptEvents, group: str = "g") -> list[int | None]:
    return [one.seq for one in kept.of(("s", group))]


def test_a_group_keeps_so_many_of_the_newest() -> None:
    kept = KeptEvents()
    with override_settings(III_STREAM_RESUME_EVENTS=2):
        for seq in (1, 2, 3):
            kept.add(event(seq))
        kept.add(event(1, group="other"))
    assert (seqs(kept), seqs(kept, "other")) == ([2, 3], [1])


def test_all_groups_share_the_room_and_the_quiet_ones_give_way() -> None:
    kept = KeptEvents()
    with override_settings(III_STREAM_RESUME_BYTES=4 * (100 + OVERHEAD_BYTES)):
        for seq in (1, 2):
            kept.add(event(seq, group="quiet"))
        for seq in (1, 2, 3):
            kept.add(event(seq, group="busy"))
        assert (seqs(kept, "quiet"), seqs(kept, "busy")) == ([2], [1, 2, 3])
        kept.add(event(4, group="busy"))
        kept.add(event(5, group="busy"))
        assert (seqs(kept, "quiet"), seqs(kept, "busy")) == ([], [2, 3, 4, 5])


def test_what_is_forgotten_makes_room() -> None:
    kept = KeptEvents()
    kept.add(event(1))
    kept.forget(("s", "g"))
    kept.forget(("s", "never heard of"))
    assert seqs(kept) == []
    assert kept._bytes == 0


def test_nothing_is_kept_where_that_is_asked_for() -> None:
    for limit in ({"III_STREAM_RESUME_EVENTS": 0}, {"III_STREAM_RESUME_BYTES": 0}):
        kept = KeptEvents()
        with override_settings(**limit):
            kept.add(event(1))
        assert (seqs(kept), kept._bytes) == ([], 0)
