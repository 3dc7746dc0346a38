"""What each command does, step by step; imported when the command runs, not for its help."""
