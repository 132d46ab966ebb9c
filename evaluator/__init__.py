"""The live evaluator: events -> room state -> verdicts with trust -> odds ahead -> incidents and messages.

Everything takes `now` and returns decisions with reasons; no clock, store or network here. The usual round:
`state.apply(event)`, `assess(...)`, `look_ahead(...)`, `decide(...)`; then wait until `next_instant`.
"""

from evaluator.acts import acknowledge, note_action, review, snooze
from evaluator.assessment import Assessment, RoomAssessment, WhatIf, assess, what_if_leaves
from evaluator.conditions import Condition, Risk
from evaluator.decisions import decide, next_decision
from evaluator.doubts import Doubt
from evaluator.expectations import BookedExpectation, Expectation, ForecastExpectation
from evaluator.facts import CenterFacts
from evaluator.history import Span, amend, timeline, violations, walk
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
from evaluator.instants import Book
from evaluator.lookahead import StaffRates, look_ahead
from evaluator.observations import Observation, observation_from_json, observation_to_json
from evaluator.policy import Policy, Route, Rung, Target, policy_from_json, policy_to_json
from evaluator.shadow import Label, LoggedRisk, ShadowScore, ThresholdRow, score, thresholds
from evaluator.state import Applied, CenterState
from evaluator.trust import Trust

__all__ = [
    "Applied",
    "Assessment",
    "Book",
    "BookedExpectation",
    "CenterFacts",
    "CenterState",
    "Change",
    "Condition",
    "Doubt",
    "Entry",
    "Expectation",
    "ForecastExpectation",
    "Incident",
    "Label",
    "LoggedRisk",
    "Message",
    "Observation",
    "Policy",
    "Risk",
    "RoomAssessment",
    "Route",
    "Rung",
    "ShadowScore",
    "Span",
    "StaffRates",
    "Target",
    "ThresholdRow",
    "Trust",
    "WhatIf",
    "acknowledge",
    "amend",
    "assess",
    "decide",
    "incident_from_json",
    "incident_to_json",
    "look_ahead",
    "message_from_json",
    "message_to_json",
    "next_decision",
    "note_action",
    "observation_from_json",
    "observation_to_json",
    "policy_from_json",
    "policy_to_json",
    "review",
    "score",
    "snooze",
    "thresholds",
    "timeline",
    "violations",
    "walk",
    "what_if_leaves",
]
