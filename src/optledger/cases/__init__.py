"""The article's methods in NumPy float64, written to be read beside their formulas."""
