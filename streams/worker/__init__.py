"""The worker: follows `events`, keeps a profile of every customer, says which segments they are in, counts outcomes."""
