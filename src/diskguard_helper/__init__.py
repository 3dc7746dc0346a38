"""What runs inside a guest: standard library, Python 3.6 syntax, imports nobody."""
