"""Tools that know neither Partoo's endpoints nor HTTP. May import only ``errors``.

``checks``: of arguments. ``secret``: the API key. ``text``: for terminals. ``callables``: callbacks, blocking work.
``reprs``: that never raise. ``schema``: for pydantic. ``version``: and the command that adds an extra. ``atomic_file``:
replaces a file as a whole.
"""
