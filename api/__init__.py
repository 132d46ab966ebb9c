"""The HTTP service: webhook intake, live loop, answers for machines, console for people."""
