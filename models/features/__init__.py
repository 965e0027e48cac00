"""Features: how an event becomes part of a profile, and how a profile is read."""
