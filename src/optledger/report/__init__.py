"""The report: the results as one page that opens anywhere, and as a short text."""
