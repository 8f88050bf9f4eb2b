"""From a file or an iterable to rows, and from what is written in them to MSISDNs."""
