"""How a call is carried out: chunks, the loop over them, progress."""
