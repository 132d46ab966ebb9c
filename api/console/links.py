"""Inspectors' visits: the key of a link is exchanged once for a cookie that says nothing and ends soon.

The key stands behind the # of the link, which browsers neither send nor pass on, so it is in no log and no referrer.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

VISIT = timedelta(hours=8)
_MOST = 1000


@dataclass(slots=True)
class InspectorVisits:
    """Kept in memory: after a restart one opens the link again. Whether the key still holds is asked at each page."""

    _keys: dict[str, tuple[str, datetime]] = field(default_factory=dict)

    def begin(self, key: str, now: datetime) -> str:
        """The cookie of a new visit."""
        self._keys = {token: each for token, each in self._keys.items() if each[1] > now}
        while len(self._keys) >= _MOST:
            self._keys.pop(next(iter(self._keys)))
        token = secrets.token_urlsafe(32)
        self._keys[token] = (key, now + VISIT)
        return token

    def key(self, token: str, now: datetime) -> str:
        """The key behind a cookie; empty once the visit is over."""
        key, ends = self._keys.get(token, ("", now))
        return key if now < ends else ""
