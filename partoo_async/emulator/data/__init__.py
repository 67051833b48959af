"""What emulated organizations have, and the rules for it: entities, store, keys, search, generated data. No HTTP."""

# May import ``behaviour`` and ``domain_errors``, and nothing else of the emulator.
