"""The comparison job as each way to write it: one file a peer, each a process of its own."""
