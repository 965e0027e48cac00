"""The console's endpoints, one family a file."""
