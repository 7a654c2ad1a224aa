"""Execution of a call: chunks, the loop over them, progress."""
