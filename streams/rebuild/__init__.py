"""Profiles beside the stream: snapshots of them, their rebuilding from the log, their past from a file. For chores, with
kafka-python and pyarrow; a worker knows nothing of it."""
