"""What the processes of one edge share."""
