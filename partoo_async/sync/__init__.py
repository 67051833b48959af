"""The nightly job: everything of an organization, kept in a journal.

``reading`` reads it.
"""
