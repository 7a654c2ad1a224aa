"""What ``python -m skdeeplift`` can be asked to do, one command a file."""
