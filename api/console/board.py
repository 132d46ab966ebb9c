"""The live board: tiles drawn once per change and handed to every open page of a center."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from dataclasses import dataclass, field

from api.center import LiveCenter
from api.console.band import Bands, Hour
from api.console.frame import templates
from api.console.tiles import Tile, tiles
from api.service import Service

BEAT_SECONDS = 4.0
_GATHER_SECONDS = 0.05  # changes this close together are drawn as one
_SIDE = frozenset({"incident", "proposal"})
_WHOLE = frozenset({"trouble", "settings", "reset"})

Message = tuple[str, str]  # event, data


@dataclass(slots=True)
class Board:
    """One center's board. `listen` yields what a page is to show, from the whole board on."""

    service: Service
    center_id: str
    bands: Bands
    _pages: set[asyncio.Queue[Message | None]] = field(default_factory=set)
    _task: asyncio.Task[None] | None = None
    _shown: frozenset[str] = frozenset()

    async def listen(self) -> AsyncIterator[Message]:
        queue: asyncio.Queue[Message | None] = asyncio.Queue(64)
        self._pages.add(queue)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._follow())
        try:
            yield "board", self.draw()
            yield "beat", self._beat()
            while (message := await queue.get()) is not None:
                yield message
        finally:
            self._pages.discard(queue)
            if not self._pages and self._task is not None:
                self._task.cancel()
                self._task = None

    def draw(self, only: Iterable[str] | None = None) -> str:
        """The grid of tiles, or the tiles of some rooms alone."""
        center = self.service.live.centers[self.center_id]
        drawn = self.tiles(center, only)
        if only is None:
            self._shown = frozenset(tile.room_id for tile, _ in drawn)
            template = templates.get_template("now/board.html")
            return template.render(tiles=drawn, center=center, degraded=list(self.service.degraded.values()))
        template = templates.get_template("now/tile.html")
        return "".join(template.render(tile=tile, band=band) for tile, band in drawn)

    def tiles(self, center: LiveCenter, only: Iterable[str] | None = None) -> list[tuple[Tile, Hour]]:
        assessment = center.assessment
        if assessment is None:
            return []
        return [
            (tile, self.bands.of(center, assessment, assessment.rooms[tile.room_id]))
            for tile in tiles(center, assessment, only)
        ]

    async def _follow(self) -> None:
        """Turn the bus into drawings until nobody looks; ends the pages if the service stops."""
        changes = self.service.bus.listen([self.center_id])
        coming: asyncio.Task[object] | None = None
        try:
            while True:
                coming = coming or asyncio.ensure_future(anext(changes, None))
                await asyncio.wait({coming}, timeout=BEAT_SECONDS)
                if not coming.done():
                    self._tell("beat", self._beat())
                    continue
                gathered = [coming.result()]
                await asyncio.sleep(_GATHER_SECONDS)
                coming = None
                while gathered[-1] is not None:
                    coming = asyncio.ensure_future(anext(changes, None))
                    await asyncio.sleep(0)
                    if not coming.done():
                        break
                    gathered.append(coming.result())
                    coming = None
                if gathered[-1] is None:
                    return
                self._show(gathered)
        finally:
            if coming is not None:
                coming.cancel()
                with suppress(asyncio.CancelledError, Exception):
                    await coming
            for queue in list(self._pages):
                _put(queue, None)

    def _show(self, changes: list[object]) -> None:
        kinds = {getattr(change, "kind", "") for change in changes}
        rooms: set[str] = set()
        for change in changes:
            if getattr(change, "kind", "") == "room":
                rooms |= set(json.loads(getattr(change, "data", "{}"))["rooms"])
        center = self.service.live.centers[self.center_id]
        there = frozenset(center.assessment.rooms) if center.assessment else frozenset()
        if kinds & _WHOLE or there != self._shown:
            self._tell("board", self.draw())
        elif rooms:
            self._tell("tiles", self.draw(rooms))
        if kinds & _SIDE:
            self._tell("side", "changed")
        self._tell("beat", self._beat())

    def _beat(self) -> str:
        center = self.service.live.centers[self.center_id]
        now = self.service.clock.now().astimezone(center.facts.tz)
        return json.dumps({"at": f"{now:%H:%M:%S}", "trouble": center.trouble})

    def _tell(self, event: str, data: str) -> None:
        for queue in list(self._pages):
            _put(queue, (event, data))


@dataclass(slots=True)
class Boards:
    """The boards of one running service."""

    bands: Bands = field(default_factory=Bands)
    _boards: dict[str, Board] = field(default_factory=dict)

    def of(self, service: Service, center_id: str) -> Board:
        board = self._boards.get(center_id)
        if board is None or board.service is not service:
            board = self._boards[center_id] = Board(service, center_id, self.bands)
        return board


def _put(queue: asyncio.Queue[Message | None], message: Message | None) -> None:
    """A page too slow to follow is ended; it comes back and is shown the whole board."""
    if queue.full():
        while not queue.empty():
            queue.get_nowait()
        message = None
    queue.put_nowait(message)
