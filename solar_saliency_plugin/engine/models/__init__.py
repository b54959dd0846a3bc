"""Networks, their cards, where they are found and how they run."""
