"""Networks as explainers are fitted to them: their names, references and targets, and the calls that explain rows."""
