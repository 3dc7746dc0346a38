"""Guests of the emulated VMs: they execute what they are sent."""
