"""Commands of ``python -m skdeeplift``, one module each, and the files that they read and write."""
