"""Decisions: pure functions from facts to values with reasons."""
