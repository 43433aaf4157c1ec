"""What others may listen to: code tables were written."""

from django.dispatch import Signal

#: Sent inside the transaction of the write, after the look-up reads the new values; `tables`: the keys of the tables written.
tables_changed = Signal()
