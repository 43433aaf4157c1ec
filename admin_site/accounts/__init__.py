"""Screens of accounts: staff with their appointments, students."""
