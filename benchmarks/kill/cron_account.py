"""The account of a cron trigger: every slot fired exactly once."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass

from benchmarks.notes import notes
from benchmarks.sites import Site
from benchmarks.soak.slots import FUNCTION, gaps, slots_of

TRIGGER = "kill"
RECENT_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CronAccount:
    """What became of the slots."""

    slots: int
    missing: int
    doubled: int
    """Slots with several deliveries."""
    unfinished: tuple[str, ...]
    never_ran: int
    ran_again: int
    """Slots whose function ran again because the process that ran it was killed."""
    latest_s: float
    """How late a slot was fired, at most."""

    def facts(self) -> list[str]:
        """Say all that in a line."""
        line = f"{self.slots} slots, {self.slots - self.doubled} fired once, "
        return [line + f"{self.ran_again} ran again, the latest {self.latest_s:.1f} s late"]

    def failures(self) -> list[str]:
        """Name what must not be."""
        counts = {
            "slots did not fire": self.missing,
            "slots fired twice": self.doubled,
            "slots did not run": self.never_ran,
            f"slots are not done: {', '.join(self.unfinished[:5])}": len(self.unfinished),
            "slots at all": 1 if not self.slots else 0,
        }
        return [f"{count} {what}" for what, count in counts.items() if count]


def account(site: Site) -> CronAccount:
    """Compare the ledger with what ran."""
    # The last ones may still be on their way.
    slots = [slot for slot in slots_of(site, TRIGGER) if slot.at < time.time() - RECENT_S]
    noted = [line["delivery_id"].replace("-", "") for line in notes(site.folder, FUNCTION)]
    ran = Counter(noted)
    return CronAccount(
        slots=len(slots),
        missing=len(gaps(slots)),
        doubled=len(slots) - len({slot.at for slot in slots}),
        unfinished=tuple(f"{s.state} {s.reason}" for s in slots if not s.has_fired),
        never_ran=sum(slot.has_fired and not ran[slot.delivery_id] for slot in slots),
        ran_again=sum(ran[slot.delivery_id] > 1 for slot in slots),
        latest_s=max((slot.late_s for slot in slots), default=0.0),
    )
