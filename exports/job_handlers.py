"""What this floor does in the background. Imported when a job is started or run, not at start-up."""

from exports import batch_jobs
from exports.documents import jobs as documents
from exports.exporting import jobs as exporting
from exports.importing import jobs as importing
from exports.reporting import jobs as reporting

__all__ = ["batch_jobs", "documents", "exporting", "importing", "reporting"]
