"""From rows to a plan."""
