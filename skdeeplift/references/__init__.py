"""Where "no signal" comes from."""
