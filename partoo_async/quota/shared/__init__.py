"""One quota for many processes: what they tell each other through a store, and who gets a slot.

``messages``: what they tell, and what the store keeps. ``rules``: one exchange, as arithmetic; the reference for stores
that compute elsewhere. ``store``: what a store has to do. ``lease``: the ``Backend`` of a process, which asks and
reports in the background.
"""
