"""The deliveries of one center: each event once, the better known of two, corrections tied to what they correct."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from domain.events import Event, effective


class EventLog:
    """What was delivered and is remembered. Events tied by corrections form families, which are decided together."""

    def __init__(self) -> None:
        self._raw: dict[str, Event] = {}
        self._links: dict[str, set[str]] = {}  # corrections and what they correct, both ways

    def all(self) -> list[Event]:
        return list(self._raw.values())

    def knows_better(self, event: Event) -> bool:
        """Whether this delivery is a double that says nothing new."""
        known = self._raw.get(event.event_id)
        return known is not None and (known == event or _rank(known) >= _rank(event))

    def is_tied(self, event: Event) -> bool:
        """Whether other events may have to be decided anew because of it."""
        corrects = event.event_type == "correction" and event.supersedes
        return bool(corrects) or event.event_id in self._raw or event.event_id in self._links

    def add(self, event: Event) -> None:
        self._raw[event.event_id] = event
        if event.event_type == "correction" and event.supersedes:
            self._links.setdefault(event.event_id, set()).add(event.supersedes)
            self._links.setdefault(event.supersedes, set()).add(event.event_id)

    def effective_with(self, event: Event, since: datetime | None) -> list[Event]:
        """What is effective, from `since` on, of the families of an event and of what it corrects."""
        ids = {event.event_id, event.supersedes} if event.supersedes else {event.event_id}
        result = effective(self._raw[each] for each in sorted(self._family(ids)) if each in self._raw)
        return result if since is None else [each for each in result if each.happened_at >= since]

    def forget_before(self, instant: datetime) -> None:
        """Drops older events, except those tied to newer ones."""
        keep = {event_id for event_id, event in self._raw.items() if event.happened_at >= instant}
        for event_id in list(keep):
            if event_id in self._links:
                keep |= self._family({event_id})
        self._raw = {event_id: event for event_id, event in self._raw.items() if event_id in keep}
        self._links = {event_id: links for event_id, links in self._links.items() if event_id in keep}

    def _family(self, event_ids: Iterable[str]) -> set[str]:
        """Ids connected with the given ones by corrections, whether they have arrived or not."""
        found = set(event_ids)
        todo = list(found)
        while todo:
            for other in self._links.get(todo.pop(), ()):
                if other not in found:
                    found.add(other)
                    todo.append(other)
        return found


def _rank(event: Event) -> tuple[datetime, int, str]:
    """Which of two deliveries with one id holds, as in `effective`."""
    return (event.recorded_at, event.sequence, repr(event))
