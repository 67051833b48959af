"""The emulator as a server: requests in, responses out."""
