"""Sweeps: plan the trials that variants need, look up the kept ones, and train the others."""
