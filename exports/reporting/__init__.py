"""Reporting: what is held ready for the ministry or province, sent, answered and compared with what they have."""
