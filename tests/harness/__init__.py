"""What the tests stand on: separate processes, waiting without sleeping, and looking for what was left behind."""
