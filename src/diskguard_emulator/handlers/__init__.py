"""Handlers: one module per resource type, wire to world and back."""
