"""The part of pywin32's ``win32com`` that is not COM: questions about the user and the folders."""
