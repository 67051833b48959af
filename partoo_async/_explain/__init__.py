"""What errors know of their call, and the text of ``error.explain()``. Imports nothing of the package.

``facts`` and ``headers`` are what an error keeps, ``advice`` the one table of what to do; the others write text.
"""
