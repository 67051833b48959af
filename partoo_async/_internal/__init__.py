"""Tools that know neither Partoo's endpoints nor HTTP. May import only ``errors``.

- ``checks``: arguments, each refused by its name
- ``secret``: the API key, out of sight
- ``text``: text from a server, for terminals and lines of JSON
- ``callables``: callbacks that raise, work that blocks
- ``reprs`` and ``schema``: what classes get: a repr that never raises, a schema for pydantic
- ``version``: the installed version, and the command that adds an extra
"""
