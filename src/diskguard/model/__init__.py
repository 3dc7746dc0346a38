"""Nouns: frozen values that hold no service."""
