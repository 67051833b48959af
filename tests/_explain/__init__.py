"""What errors explain."""
