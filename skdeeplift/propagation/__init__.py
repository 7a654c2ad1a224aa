"""Rules and streams that carry differences-from-reference through a traced network."""
