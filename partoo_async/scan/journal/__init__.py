"""The journal of a scan: a SQLite file with what was read, from which a scan goes on."""
