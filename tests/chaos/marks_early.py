"""A daemon with a planted fault: it marks a row as sent before it sends it. The judge must detect it."""

import asyncio

from chaos.planted import serve
from tocsin.channels import registry
from tocsin.conf.channels import ConfiguredChannel
from tocsin.core.content.page import Content
from tocsin.ports.channel import Channel, Outcome, Receipt

SLOW_NETWORK = 0.2
"""Seconds between the mark and the call."""

build = registry.build


class MarksEarly:
    """A channel that says that it has sent, and sends then."""

    def __init__(self, channel: Channel) -> None:
        self.name = channel.name
        self.kind = channel.kind
        self.handles = channel.handles
        self.keyed = channel.keyed
        self._channel = channel
        self._late: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        await self._channel.start()

    async def send(self, content: Content) -> Receipt:
        task = asyncio.get_running_loop().create_task(self._send(content))
        self._late.add(task)
        task.add_done_callback(self._late.discard)
        return Receipt(Outcome.SENT)

    async def _send(self, content: Content) -> None:
        await asyncio.sleep(SLOW_NETWORK)
        await self._channel.send(content)

    async def close(self) -> None:
        await self._channel.close()


def build_faulty(configured: ConfiguredChannel) -> Channel:
    return MarksEarly(build(configured))


if __name__ == "__main__":
    registry.build = build_faulty
    serve()
