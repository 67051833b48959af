"""``python -m partoo_async`` is the ``partoo`` command."""

from partoo_async.cli import main

main()
