"""The kernel as Numba compiles it; imported only where this machine has not compiled it yet."""
