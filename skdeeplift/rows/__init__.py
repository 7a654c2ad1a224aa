"""Rows of a call: their sources, their checks, and the arrays that results are written into."""
