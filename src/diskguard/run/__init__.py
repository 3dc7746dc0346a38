"""Effects in order: what a plan says, done through the ports."""
