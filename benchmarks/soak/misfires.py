"""What became of the slots that fell into a time without beats."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import dropwhile

from benchmarks.sites import Site
from iii_triggers.conf import Settings

from .slots import STEP_S, Slot, gaps, slots_of

POLICIES = ("skip", "latest", "all")
MARGIN_S = 1.0
"""How much later than the tick that wrote it a row may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aftermath:
    """The slots of one trigger around the time without beats."""

    dropped: list[float]
    """Slots that did not fire."""
    late: list[Slot]
    """Slots that fired although they were missed: noticed later than the grace."""
    least: int
    """How many slots must have been missed."""

    def failures(self, policy: str) -> list[str]:
        """Name what is not as documented."""
        missed = len(self.dropped) + len(self.late)
        found = [f"only {missed} slots were missed"] if missed < self.least else []
        if policy == "skip" and self.late:
            found.append(f"{len(self.late)} missed slots fired")
        if policy == "latest" and (len(self.late) != 1 or self.late[0].at < max(self.dropped)):
            found.append(f"fired were {[slot.at for slot in self.late]}, not the latest missed one")
        if policy == "all" and self.dropped:
            found.append(f"{len(self.dropped)} missed slots did not fire")
        return found


def misfires(site: Site, down_s: float) -> tuple[str, list[str]]:
    """Return what to tell of the three triggers, and what is not as documented."""
    facts, failures = [], []
    for policy in POLICIES:
        aftermath = _aftermath(slots_of(site, policy), policy, down_s)
        missed = len(aftermath.dropped) + len(aftermath.late)
        facts.append(f"{policy} fired {len(aftermath.late)} of {missed} missed slots")
        failures += [f"{policy}: {failure}" for failure in aftermath.failures(policy)]
    return f"{down_s:g} s without a beat: " + ", ".join(facts), failures


def _aftermath(slots: list[Slot], policy: str, down_s: float) -> Aftermath:
    # With skip, nothing but a row that was written late may look missed.
    grace_s = Settings.III_MISFIRE_GRACE_S + (MARGIN_S if policy == "skip" else 0.0)
    # Beats that are slow to start may miss the first slots; that is not the time in question.
    slots = list(dropwhile(lambda slot: slot.state == "skipped" or slot.late_s > grace_s, slots))
    skipped = [slot.at for slot in slots if slot.state == "skipped"]
    return Aftermath(
        dropped=sorted({*skipped, *gaps(slots)}),
        late=[slot for slot in slots if slot.state != "skipped" and slot.late_s > grace_s],
        least=int((down_s - grace_s) / STEP_S) - 1,
    )
