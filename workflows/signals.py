"""How the engine tells the world: after commit, once per set of records."""

from django.dispatch import Signal

# sender = matter class; kwargs: ids (list of pks), verb, from_status, to_status, by (user or None), text, reasons,
# corrections ({field: [old, new]}, single records only). Sent after commit; a receiver never undoes the action.
moved = Signal()

# sender = matter class; kwargs as above. Sent inside the transaction, for effects that must stand or fall with the action.
moving = Signal()
