"""Methods that only run the network, on rows with some elements replaced by elements of references."""
