"""A double of the childcare platform with simulated centers. It shares no code with the client but `domain` types."""
