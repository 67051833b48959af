"""Tools that know neither Partoo nor HTTP: checks of arguments, text, threads, secrets. May import only ``errors``."""
