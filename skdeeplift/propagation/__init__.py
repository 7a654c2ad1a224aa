"""How differences-from-reference flow through a traced network."""
