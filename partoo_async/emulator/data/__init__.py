"""The emulated organizations: what there is, whose it is, and the rules for changing it. No HTTP here."""
