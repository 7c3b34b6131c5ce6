"""What the results say: pure functions of arrays and tables."""
