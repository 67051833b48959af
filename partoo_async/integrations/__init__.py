"""Web frameworks, one module each; ``problems``: what their visitors are told. May import rooms up to ``client``."""

# Nothing is imported here, so that an application loads its own framework only. `_serving` is for the framework
# modules, and nothing that an application would import.
