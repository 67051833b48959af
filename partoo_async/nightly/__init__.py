"""The nightly job: read everything, compare it with what was known, load it, and remember it.

``job`` is the function ``sync``. ``run`` does it, with ``options``, in a directory that ``state`` keeps; ``reading``
fills the journal.
``watch`` repeats it in ``rounds``, and ``names`` finds what the things that changed are called.
"""

# Not named after its function: importing a room ``sync`` would hide the function of that name, which the package has.
