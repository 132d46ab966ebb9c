"""Coverage problem -> plan: week planner, live reassignment, explanations, independent checker."""
