"""From a plan to what was sent."""
