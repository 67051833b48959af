"""How the emulator counts requests, and what it says to one too many."""
