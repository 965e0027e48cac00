"""The whole system on this machine: starts every process, waits until each is ready, mends what dies, drains in order."""
