"""Web frameworks: a client for the life of the application, and errors as answers. One module for each framework.

Nothing is imported here, so that an application loads only the module of its own framework.
"""
