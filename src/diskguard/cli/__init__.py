"""The door: click, wiring, rendering."""
