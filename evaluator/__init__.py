"""The real-time evaluator, pure: events -> room state -> ratio checks, count trust, risk ahead, incidents, alerts."""
