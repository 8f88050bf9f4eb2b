"""The `ip1` command."""
