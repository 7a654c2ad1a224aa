"""Explanations, their table and their files."""
