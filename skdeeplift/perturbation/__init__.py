"""Methods that only run the network, on rows of which elements are taken from references."""
