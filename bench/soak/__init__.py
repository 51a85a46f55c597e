"""``python -m bench.soak``: hours of mixed load with kills, and whether anything grows meanwhile."""
