"""diskguard: a backup orchestrator for Azure virtual machines."""

__version__ = "0.1.0"
