"""The running service: every part that lives as long as the process, started in order and stopped in reverse."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from api.access import Failures
from api.agreed import Agreements
from api.bus import Bus
from api.catchup import Catchup
from api.center import REMEMBERED, LiveCenter
from api.center_settings import CenterSettings
from api.dispatch import Dispatcher
from api.facts import FactsSource
from api.forecast_outlook import ForecastOutlook
from api.heads import DailyHeads
from api.intake import Intake
from api.live import LiveLoop
from api.outlets import build_outlets
from api.outlook import Outlook
from api.proposals import Proposals
from api.retention import NightlyPurge
from api.undeliverable import Elsewhere
from connectors.platform import PlatformClient
from connectors.webhooks import secrets_from_text
from domain.errors import PlatformError, RatiocastError
from domain.events import Event
from domain.time import Clock
from evaluator import CenterState, observation_from_json
from storage.ledger import open_ledger
from storage.ledger.centers import read_settings
from storage.ledger.events import event_centers, read_events
from storage.ledger.incidents import open_incidents, read_observations
from storage.settings import Settings

log = logging.getLogger("ratiocast.service")
_CENTERS_EVERY = timedelta(minutes=10)
_RESTART_SECONDS = 1.0


class Service:
    """Made by `create_app`, started with the app. Parts are public: routes and pages use them directly."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.settings, self.clock = settings, clock
        self.webhook_keys = secrets_from_text(settings.webhook_secrets.get_secret_value())
        self.ledger = open_ledger(settings.ledger_location)
        self.platform = _platform(settings)
        self.failures = Failures()
        self.bus = Bus(uuid.uuid4().hex[:8])
        self.facts = FactsSource(self.ledger, self.platform, store_names=settings.store_names)
        self.forecasts = ForecastOutlook(settings.data_dir)
        self.outlook = Outlook(self.forecasts)
        self.outlets = build_outlets(settings, self.platform, self.bus)
        self.dispatcher = Dispatcher(self.ledger, clock, self.outlets, Elsewhere(self))
        self.agreements = Agreements(self.ledger, settings.data_dir)
        self.proposals = Proposals(self)
        self.live = LiveLoop(
            self.ledger,
            clock,
            self.bus,
            self.facts,
            self.outlook,
            self.dispatcher.wake,
            self.proposals.consider,
            lambda: self.intake.delay,
        )
        self.intake = Intake(self.ledger, clock, self._stored)
        self.catchup = Catchup(self.platform, self.ledger, clock, self.intake.take)
        self.ready = False
        self.degraded: dict[str, str] = {}  # what does not work now, by part, as sentences
        self.background: set[asyncio.Future[None]] = set()  # answers on their way to a vendor
        self._tasks: list[asyncio.Task[None]] = []
        self._centers_wake = asyncio.Event()

    async def start(self) -> None:
        """Rebuild from ledger and log; when this returns the service is current, or says in `degraded` why not."""
        self.bus.attach()
        recovered = await self.dispatcher.recover()
        if recovered:
            log.warning("%d messages were on their way when the service stopped; they are sent again", recovered)
        await self.find_centers()
        await self.proposals.recover()
        for center in list(self.live.centers.values()):
            await self.live.step(center)
        self.ready = True
        for name, work in (
            ("live", self.live.run), ("catchup", self.catchup.run), ("dispatch", self.dispatcher.run),
            ("centers", self._find_centers_again), ("proposals", self.proposals.run),
            ("heads", DailyHeads(self).run), ("retention", NightlyPurge(self).run),
        ):  # fmt: skip
            self._tasks.append(asyncio.create_task(self._kept_alive(name, work)))

    async def stop(self) -> None:
        self.ready = False
        self.bus.close()
        self.live.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.dispatcher.close()
        self.forecasts.close()
        await asyncio.to_thread(self.ledger.close)
        if self.platform is not None:
            self.platform.close()

    async def find_centers(self) -> None:
        """Take up every center of the platform and of the ledger that is not live yet."""
        now = self.clock.now()
        known = await self.facts.known()
        try:
            known += [center.center_id for center in await self.facts.centers(now)]
            self.degraded.pop("platform", None)
        except PlatformError as error:
            self.degraded["platform"] = str(error)
            log.warning("the centers could not be read: %s", error)
        for center_id in dict.fromkeys(known):
            if center_id not in self.live.centers:
                try:
                    await self._open_center(center_id, now)
                except RatiocastError as error:
                    self.degraded[center_id] = str(error)
                    log.error("center %s could not be opened: %s", center_id, error)
                else:
                    self.degraded.pop(center_id, None)

    async def strays(self) -> list[str]:
        """Centers that events name and nobody knows."""
        return [c for c in await self.ledger.aread(event_centers) if c not in self.live.centers]

    async def reload_settings(self, center_id: str) -> None:
        """Take up settings that were just stored."""
        stored = await self.ledger.aread(lambda c: read_settings(c, center_id))
        if stored is not None and (center := self.live.centers.get(center_id)) is not None:
            center.settings, center.settings_version = CenterSettings.model_validate(stored.body), stored.version
            center.facts = await self.facts.stored(center_id)
            self.bus.publish(center_id, "settings", {"center_id": center_id, "version": stored.version})
            self.live.touch(center_id)

    async def _open_center(self, center_id: str, now: datetime) -> None:
        facts_read: datetime | None = now
        try:
            facts = await self.facts.refresh(center_id, now)
        except PlatformError as error:
            facts, facts_read = await self.facts.stored(center_id), None
            self.degraded["platform"] = str(error)
        await self.catchup.open(center_id)
        try:
            await self.catchup.read(center_id)
        except PlatformError as error:
            self.degraded["platform"] = str(error)
        since = now - REMEMBERED
        events = await self.ledger.aread(lambda c: read_events(c, center_id, since=since))
        counts = await self.ledger.aread(lambda c: read_observations(c, center_id, since))
        state = CenterState.rebuild(center_id, events, map(observation_from_json, counts))
        stored = await self.ledger.aread(lambda c: read_settings(c, center_id))
        chosen = CenterSettings.model_validate(stored.body) if stored else CenterSettings()
        center = LiveCenter(center_id, state, facts, chosen, stored.version if stored else 0, self.settings)
        center.restore(await self.ledger.aread(lambda c: open_incidents(c, center_id)))
        self.live.add(center, facts_read)

    def _stored(self, events: Sequence[Event]) -> None:
        """New events are on disk: count their sequence numbers, fold them, wake the loop."""
        self.catchup.noticed(events)
        self.live.arrived(events)
        if any(event.center_id not in self.live.centers for event in events):
            self._centers_wake.set()

    async def _find_centers_again(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_CENTERS_EVERY.total_seconds()):
                    await self._centers_wake.wait()
            self._centers_wake.clear()
            await self.find_centers()
            await asyncio.sleep(5)  # a stray center's events must not make this a busy loop

    async def _kept_alive(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """A part that fails is said to be degraded and started again; what it works on is in the ledger."""
        while True:
            try:
                await work()
            except Exception as error:
                log.exception("the part %s has failed and is started again", name)
                self.degraded[name] = f"{type(error).__name__}: {error}"
                await asyncio.sleep(_RESTART_SECONDS)


def _platform(settings: Settings) -> PlatformClient | None:
    if not settings.platform_url:
        return None
    return PlatformClient(
        settings.platform_url,
        settings.platform_token.get_secret_value(),
        write_token=settings.platform_write_token.get_secret_value(),
        attempts=3,
        retry_seconds=10,
        timeout_seconds=10,
    )
