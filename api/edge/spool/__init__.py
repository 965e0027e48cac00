"""The spool: every event is in a file of this edge before its answer leaves, and a shipper moves it to Kafka."""
