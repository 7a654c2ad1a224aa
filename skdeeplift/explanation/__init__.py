"""Explanations: contributions of rows, their table and their files."""
