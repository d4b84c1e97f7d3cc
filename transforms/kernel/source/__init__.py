"""The kernel as Numba compiles it; imported only where a machine has no compiled kernel yet, or an old one."""
