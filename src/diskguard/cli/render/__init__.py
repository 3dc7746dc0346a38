"""Renderings of the same frozen values: text, JSON, progress."""
