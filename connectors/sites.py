"""What an export does not say about its centers: state, time zone and opening hours, from a TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connectors.sessions import stable_id
from domain.errors import BadInput
from domain.places import Center, Room
from domain.time import parse_local_time, zone

_EXAMPLE = '[centers."Sunny Hill"] with state = "TX", timezone = "America/Chicago", opens = "06:30", closes = "18:30"'


def read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except FileNotFoundError as error:
        raise BadInput(f"{path} does not exist; write it, for example: {_EXAMPLE}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise BadInput(f"{path} cannot be read as TOML: {error}; mend that line") from error


def centers_of(table: Mapping[str, Any], source: str) -> dict[str, Center]:
    """The centers of a TOML table, by the name an export calls them."""
    named = table.get("centers")
    if not isinstance(named, Mapping) or not named:
        raise BadInput(f"{source} describes no center; write {_EXAMPLE}")
    centers = {name: _center(name, fields, source) for name, fields in named.items()}
    if len({center.center_id for center in centers.values()}) < len(centers):
        raise BadInput(f"{source}: two centers have the same center_id; each needs its own")
    return centers


def rooms_of(table: Mapping[str, Any], centers: Mapping[str, Center], source: str) -> dict[tuple[str, str], Room]:
    """The rooms a TOML table describes under [centers.X.rooms.Y], by center id and the room's name."""
    found: dict[tuple[str, str], Room] = {}
    for center_name, fields in table.get("centers", {}).items():
        center_id = centers[center_name].center_id
        rooms = fields.get("rooms", {})
        if not isinstance(rooms, Mapping):
            raise BadInput(
                f"{source}: 'rooms' of '{center_name}' must be sections, [centers.\"{center_name}\".rooms.X]"
            )
        for name, room in rooms.items():
            try:
                found[center_id, name] = Room(
                    room_id=room.get("room_id") or stable_id("room", center_id, name),
                    center_id=center_id,
                    name=name,
                    age_min_months=int(room["age_min_months"]),
                    age_max_months=int(room["age_max_months"]),
                    capacity=int(room["capacity"]),
                )
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                raise BadInput(
                    f"{source}: the room '{name}' of '{center_name}' needs age_min_months, age_max_months and capacity "
                    f"as whole numbers ({error})"
                ) from error
            if not 0 <= found[center_id, name].age_min_months < found[center_id, name].age_max_months:
                raise BadInput(f"{source}: the ages of the room '{name}' of '{center_name}' end before they begin")
    return found


def _center(name: str, fields: Mapping[str, Any], source: str) -> Center:
    try:
        zone(fields["timezone"])
        return Center(
            center_id=fields.get("center_id") or stable_id("center", name),
            name=name,
            state=str(fields["state"]),
            timezone=fields["timezone"],
            opens=parse_local_time(str(fields["opens"])),
            closes=parse_local_time(str(fields["closes"])),
            open_weekdays=tuple(fields.get("open_weekdays", (1, 2, 3, 4, 5))),
        )
    except KeyError as error:
        raise BadInput(f"{source}: the center '{name}' lacks {error}; write {_EXAMPLE}") from error
    except (BadInput, TypeError) as error:
        raise BadInput(f"{source}: the center '{name}': {error}") from error
