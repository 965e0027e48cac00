"""The command line: options and sentences. Every body belongs to a room, which is imported when its command runs."""
