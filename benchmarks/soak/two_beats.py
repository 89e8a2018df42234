"""Two beats on one trigger: every slot has one row, and its function ran once."""

from __future__ import annotations

from collections import Counter

from benchmarks.notes import notes
from benchmarks.sites import Site

from .slots import FUNCTION, gaps, slots_of

TWO_BEATS = "two-beats"


def two_beats(site: Site) -> tuple[str, list[str]]:
    """Return what to tell of the trigger that catches up on all its slots, and its failures."""
    slots = slots_of(site, TWO_BEATS)
    noted = [line["delivery_id"].replace("-", "") for line in notes(site.folder, FUNCTION)]
    ran = Counter(noted)
    # The last ones may still be on their way.
    done = [slot for slot in slots if slot.state != "queued"]
    twice = [slot for slot in slots if ran[slot.delivery_id] > 1]
    never = [slot for slot in done if slot.state != "leased" and not ran[slot.delivery_id]]
    several = len(slots) - len({slot.at for slot in slots})
    found = {
        "slots without a row": len(gaps(slots)),
        "slots with several rows": several,
        "slots that ran twice": len(twice),
        "slots that did not run": len(never),
    }
    once = sum(ran[slot.delivery_id] == 1 for slot in slots)
    fact = f"two beats, {len(slots)} slots, {once} fired once"
    return fact, [f"{count} {what}" for what, count in found.items() if count]
