"""The policy: its shape, its loading, what applies to one VM."""
