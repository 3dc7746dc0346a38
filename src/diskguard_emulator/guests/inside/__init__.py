"""What runs inside a plain guest: each file alone, with nothing but the standard library."""
