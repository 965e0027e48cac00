"""What Tailorbird knows: profiles, sessions, segments, decisions. No Kafka, no HTTP."""
