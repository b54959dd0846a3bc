"""The toolbox: one file for each algorithm, and the list of them in provider.py."""
