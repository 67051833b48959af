"""The nightly job: everything of an organization, kept in a journal.

``reading`` reads it.
"""

# Not named after its function: importing a room ``sync`` would hide the function of that name, which the package has.
