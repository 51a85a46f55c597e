"""What the modules of :mod:`ntipc.win32` have in common: handles, the last error, failures, tables of constants."""
