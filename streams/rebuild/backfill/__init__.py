"""A shop's past from a file: rows become events at the time that they happened, each counted once however often it is sent."""
