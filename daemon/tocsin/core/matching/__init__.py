"""Matchers, patterns, and an index that finds the matching ones among many."""
