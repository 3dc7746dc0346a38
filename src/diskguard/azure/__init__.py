"""The room of Azure's SDK."""
