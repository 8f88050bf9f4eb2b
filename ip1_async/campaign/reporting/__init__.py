"""From what was sent to figures and pages."""
