"""Compliance report, inspector view, weekly exception summary, explanations in plain language, family drafts."""
