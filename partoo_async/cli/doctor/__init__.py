"""What ``partoo doctor`` looks at, from the key on this machine to the response of the API.

``checkup`` has the order of the checks; each other file makes findings of one kind.
"""
