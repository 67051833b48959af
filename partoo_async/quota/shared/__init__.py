"""One quota for many processes: what they tell each other through a store, and who gets a slot.

``lease`` is the ``Backend`` of a process. ``rules`` is one exchange of ``messages``, the reference for each store.
"""
