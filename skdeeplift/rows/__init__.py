"""Rows of a call: where they come from, how they are checked, and where results are written."""
