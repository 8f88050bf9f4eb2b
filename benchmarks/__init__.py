"""Programs that measure: each prints `name value bar verdict` for every figure, and ends non-zero where a bar is missed.

Machines are shared and noisy, so a speed is only ever given beside that of a peer in the same run: both take turns in
slices, and the median over the slices is what is printed.
"""
