"""Everything that talks to other systems: the platform, data feeds, spreadsheets, and the outlets for alerts."""
