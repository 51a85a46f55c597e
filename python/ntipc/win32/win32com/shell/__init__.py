"""The part of ``win32com.shell`` that is not COM."""

from ntipc.win32.win32com.shell import shell as shell
