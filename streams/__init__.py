"""Everything that speaks Kafka on the worker side."""
