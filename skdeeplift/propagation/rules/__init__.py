"""What each family of ops does to a difference."""
