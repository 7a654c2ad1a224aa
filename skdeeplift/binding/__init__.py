"""Networks that explainers are fitted to: their names, references and targets, and the calls that explain rows."""
