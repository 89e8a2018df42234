"""PyPI iii-sdk 0.2.1 looks around: lists, and a callback for functions that come.

Arguments: the engine's URL and the name of the worker. Prints one line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from iii import III, InitOptions


async def main(url: str, name: str) -> None:
    """Ask for everything this version can ask for."""
    iii = III(url, InitOptions(worker_name=name))
    await iii.connect()
    told: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()

    def hear(functions: list[Any]) -> None:
        ids = [function.function_id for function in functions]
        if f"{name}.hello" in ids and not told.done():
            told.set_result(ids)

    async def hello(data: Any) -> str:
        return "hello"

    iii.on_functions_available(hear)
    await iii.list_functions()
    iii.register_function(f"{name}.hello", hello, "Says hello.")
    report = {
        "told": await asyncio.wait_for(told, 20),
        "functions": [one.model_dump(mode="json") for one in await iii.list_functions()],
        "workers": [one.model_dump(mode="json") for one in await iii.list_workers()],
    }
    print(json.dumps(report), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await iii.shutdown()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
