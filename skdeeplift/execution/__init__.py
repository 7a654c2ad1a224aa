"""Execution of a call: chunks of rows and references, the loop over chunks, and progress."""
