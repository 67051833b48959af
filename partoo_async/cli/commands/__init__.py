"""The commands, one file for each: its options with their texts, and what it does."""
