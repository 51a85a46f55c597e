"""Speed, each figure beside a peer's from the same run: ``python -m bench``. README.md says what a number means."""
