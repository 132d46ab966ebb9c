"""What a center has chosen: its mode, how it wants to be told, whom to reach how, and its rule options."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

import rulebook
from domain.errors import BadInput
from evaluator.policy import AUDIENCES, Policy, policy_from_json, policy_to_json
from rulebook import Rulebook
from storage.settings import Settings

Mode = Literal["shadow", "alerts", "suggestions", "automatic"]
Reach = Literal["slack", "sms", "email", "teams", "apprise", "in_app", "task"]


Id = Annotated[str, Field(max_length=64)]


class Contact(BaseModel):
    """One way to reach an audience. `recipient` is the outlet's own kind of address; "" is the installation's own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    outlet: Reach
    recipient: Annotated[str, Field(max_length=500)] = ""


class CenterSettings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Mode | None = Field(default=None, description="None: the installation's default.")
    automatic_kinds: tuple[Literal["move_float", "move_spare", "end_break_early"], ...] = Field(
        default=(), description="Kinds of proposal that mode automatic may carry out by itself."
    )
    policy: dict[str, Any] = Field(default={}, description="Differences from the usual routing policy.")
    contacts: dict[str, tuple[Contact, ...]] = Field(default={}, description="By audience: director, floats, ...")
    rules_code: str | None = Field(default=None, description="Rulebook instead of the state's own, such as NYC or HS.")
    rule_options: dict[str, str] = Field(default={}, description="Options of the jurisdiction's rules.")
    stricter_policy: dict[str, Any] | None = Field(default=None, description="The center's own stricter limits.")
    floats: tuple[Id, ...] | None = Field(default=None, description="Who may float; None: as the platform says.")
    walk_seconds: dict[Id, dict[Id, Annotated[int, Field(ge=0, le=3600)]]] = Field(
        default={}, description="Walks from room to room where they differ from what the platform says."
    )
    retention_days: int = Field(default=1100, ge=30, le=36500, description="How long attendance events are kept.")
    record_keeping_days: int = Field(
        default=1100, ge=0, le=36500, description="How long the state wants records kept; no purge goes below it."
    )
    legal_hold: bool = Field(default=False, description="Nothing is purged while this is on.")

    @field_validator("contacts")
    @classmethod
    def _audiences_are_known(cls, value: dict[str, tuple[Contact, ...]]) -> dict[str, tuple[Contact, ...]]:
        if unknown := sorted(set(value) - set(AUDIENCES)):
            raise ValueError(f"'{unknown[0]}' is no audience; use {', '.join(AUDIENCES)}")
        return value

    @field_validator("policy")
    @classmethod
    def _policy_is_one(cls, value: dict[str, Any]) -> dict[str, Any]:
        try:
            policy_from_json(policy_to_json(Policy()) | value)
        except BadInput as error:
            raise ValueError(str(error)) from error
        if unknown := sorted(set(value) - set(policy_to_json(Policy()))):
            raise ValueError(f"'{unknown[0]}' is no field of a policy")
        return value

    def book(self, state: str, day: date) -> Rulebook:
        """The rules the center keeps to on a day, its own options and policy included; UnknownRule if none."""
        return rulebook.load(self.rules_code or state, day, self.rule_options, self.stricter_policy)

    @property
    def days_kept(self) -> int:
        return max(self.retention_days, self.record_keeping_days)

    def mode_in(self, settings: Settings) -> Mode:
        return self.mode or settings.mode

    def policy_in(self, settings: Settings, timezone: str, version: str) -> Policy:
        """The policy in force; an installation's threshold holds unless the center has its own."""
        threshold = settings.risk_threshold
        base = policy_to_json(Policy()) | {"risk_threshold": threshold, "risk_clear": round(threshold * 0.6, 4)}
        if "risk_threshold" in self.policy and "risk_clear" not in self.policy:
            base["risk_clear"] = round(float(self.policy["risk_threshold"]) * 0.6, 4)
        return policy_from_json(base | self.policy | {"timezone": timezone, "version": version})
