"""The processes of one edge: a parent that only starts and restarts, one replica, one shipper, any number of workers."""
