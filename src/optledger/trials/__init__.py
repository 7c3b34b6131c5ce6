"""One training as plain data: what it is, what it leaves, and how a learning rate is chosen."""
