"""The version of this package, for those who must not import the rest of it."""

__version__ = "0.1.0"
