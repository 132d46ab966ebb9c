"""The live evaluator: events -> room state -> verdicts with trust -> odds ahead -> incidents and messages.

Everything takes `now` and returns decisions with reasons; no clock, store or network here. The usual round:
`state.apply(event)`, `assess(...)`, `look_ahead(...)`, `decide(...)`; then wait until `next_instant`.
"""

from evaluator.acts import acknowledge, note_action, review, snooze
from evaluator.assessment import Assessment, RoomAssessment, WhatIf, assess, what_if_leaves
from evaluator.conditions import Condition, Risk
from evaluator.decisions import decide, next_decision
from evaluator.doubts import Doubt
from evaluator.facts import CenterFacts
from evaluator.incidents import (
    Change,
    Entry,
    Incident,
    Message,
    incident_from_json,
    incident_to_json,
    message_from_json,
    message_to_json,
)
from evaluator.observations import Observation, observation_from_json, observation_to_json
from evaluator.policy import Policy, Route, Rung, Target, policy_from_json, policy_to_json
from evaluator.state import Applied, CenterState
from evaluator.trust import Trust

__all__ = [
    "Applied",
    "Assessment",
    "CenterFacts",
    "CenterState",
    "Change",
    "Condition",
    "Doubt",
    "Entry",
    "Incident",
    "Message",
    "Observation",
    "Policy",
    "Risk",
    "RoomAssessment",
    "Route",
    "Rung",
    "Target",
    "Trust",
    "WhatIf",
    "acknowledge",
    "assess",
    "decide",
    "incident_from_json",
    "incident_to_json",
    "message_from_json",
    "message_to_json",
    "next_decision",
    "note_action",
    "observation_from_json",
    "observation_to_json",
    "policy_from_json",
    "policy_to_json",
    "review",
    "snooze",
    "what_if_leaves",
]
