"""The version of Paribus; here, so that no part of it has to import the whole to name it."""

__version__ = "0.1.0"
