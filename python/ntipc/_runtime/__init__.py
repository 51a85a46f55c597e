"""What calls of the library need while they run: deadlines, turns of threads, and what happens at a fork. Private."""
