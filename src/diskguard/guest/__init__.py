"""What we say to a VM, how we read it: pure."""
