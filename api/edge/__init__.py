"""The edge: answers queries from memory and keeps every event."""
