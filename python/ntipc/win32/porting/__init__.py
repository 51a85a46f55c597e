r"""Reading programs: which calls of Windows they make, and which of these are here.

>>> from ntipc.win32.porting import check_source
>>> program = "import win32event as e, win32file\ne.SetEvent(h)\nwin32file.DeviceIoControl(h)"
>>> for finding in check_source(program, "p.py"):
...     print(finding.line, finding.call, finding.is_here)
2 win32event.SetEvent True
3 win32file.DeviceIoControl False
"""

from ntipc.win32.porting.report import Finding, check_file, check_path, check_source

__all__ = ["Finding", "check_file", "check_path", "check_source"]
