"""Slots: held while a handler works, lent while it waits for its calls."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from iii_triggers.sdk.slots import Slots


def test_a_slot_that_comes_back_while_another_call_waits_is_lent_on():
    async def scenario():
        slots = Slots(1)
        others_turn, other_ends = asyncio.Event(), asyncio.Event()

        async def other():
            async with slots.occupied():
                others_turn.set()
                await other_ends.wait()

        async with slots.occupied():
            async with AsyncExitStack() as first_call:
                await first_call.enter_async_context(slots.lent())
                first = asyncio.create_task(other())
                await others_turn.wait()
                coming_back = asyncio.create_task(first_call.pop_all().aclose())
                await asyncio.sleep(0)  # now it waits for the slot that ``other`` holds
            async with slots.lent():
                other_ends.set()
                await asyncio.gather(first, coming_back)
                await other()

    async def main():
        async with asyncio.timeout(5):
            await scenario()

    asyncio.run(main())


def test_calls_outside_a_handler_need_no_slot():
    async def scenario():
        slots = Slots(1)
        async with slots.lent(), slots.occupied():
            pass

    asyncio.run(scenario())


def test_a_call_that_outlives_its_handler_takes_no_slot_with_it():
    async def scenario():
        slots = Slots(1)
        answered = asyncio.Event()

        async def call():
            async with slots.lent():
                await answered.wait()

        async with slots.occupied():
            task = asyncio.create_task(call())
            await asyncio.sleep(0)
        answered.set()
        await task
        async with asyncio.timeout(5), slots.occupied():
            pass

    asyncio.run(scenario())
