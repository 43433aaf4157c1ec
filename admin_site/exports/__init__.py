"""Screens of exports: the page reached from every list (`pages`), and one's own exports and the log (`admin`)."""
