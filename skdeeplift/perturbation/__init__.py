"""Methods that only run the network: on rows of which parts are taken from the reference."""
