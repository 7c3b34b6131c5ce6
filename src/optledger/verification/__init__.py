"""Whether what is here is what the lock, the cache and the tracking store say it is."""
