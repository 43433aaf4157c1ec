"""What the floors above may want to tell the person about; all are sent on commit, with `user`."""

from django.dispatch import Signal

# kwargs: user, how ("change", "recovery", "activation")
password_changed = Signal()

# kwargs: user, old_email (where the person can still be warned; "" if none)
contact_changed = Signal()

# kwargs: user (the student), by (the member of staff), reason, until (datetime)
impersonated = Signal()
