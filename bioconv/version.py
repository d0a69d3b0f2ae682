"""The version, read by ``setup.py`` too."""

VERSION = "0.1.0"
