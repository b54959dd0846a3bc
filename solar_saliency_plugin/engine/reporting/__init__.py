"""What results are told in: pages that need no other file, and tables."""
