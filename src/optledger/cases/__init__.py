"""The article's methods in NumPy float64, to be read beside their formulas."""
