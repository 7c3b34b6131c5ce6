"""Checks that this checkout agrees with the lock, the cache and the tracking store."""
