"""Mailboxes: objects that take typed messages one at a time, in a thread of their own; found by name."""

from ntipc.mailboxes.address import Address, mailbox
from ntipc.mailboxes.receiver import Mailbox, on

__all__ = ["Address", "Mailbox", "mailbox", "on"]
