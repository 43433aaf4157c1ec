"""What the rest of the product may listen to."""

from django.dispatch import Signal

# Sent on commit with `job` (a Job that is done, failed or cancelled); sender is Job.
job_finished = Signal()
