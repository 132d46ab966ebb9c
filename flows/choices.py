"""What a center has chosen and its plan keeps to: rules, options, its own stricter policy, floats, walks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pydantic import ValidationError

from api.center_settings import CenterSettings
from domain.errors import StoreError
from domain.people import StaffMember
from domain.places import Room
from storage.ledger import read_ledger
from storage.ledger.centers import StoredSettings, all_settings

Choices = Mapping[str, CenterSettings]
NOTHING_CHOSEN = CenterSettings()


def read_choices(ledger_url: str) -> Choices:
    """By center, as the ledger holds them now; a center that has chosen nothing is not there.

    StoreError where they cannot be read: a plan by laxer rules than the center's own would be worse than none.
    """
    try:
        stored = read_ledger(ledger_url, all_settings, list[StoredSettings]())
        return {row.center_id: CenterSettings.model_validate(row.body) for row in stored}
    except ValidationError as error:
        raise StoreError(
            f"the ledger holds settings of a center that this version cannot read ({error.errors()[0]['msg']}); save "
            "them again on the console's settings page"
        ) from error


def staff_chosen(staff: Sequence[StaffMember], chosen: CenterSettings) -> list[StaffMember]:
    """Who floats is the center's word, where it has said so."""
    if chosen.floats is None:
        return list(staff)
    return [replace(member, is_float=member.staff_id in chosen.floats) for member in staff]


def rooms_chosen(rooms: Sequence[Room], chosen: CenterSettings) -> list[Room]:
    """How far rooms lie apart is the center's word, where it has said so."""
    return [
        replace(room, walk_seconds={**room.walk_seconds, **chosen.walk_seconds.get(room.room_id, {})}) for room in rooms
    ]
