"""What this app wants done regularly."""

from models.jobs.strays import keeps
from models.reporting.models import FOLDER

keeps(FOLDER, "reporting.ReportBatch.file", "reporting.Reconciliation.file")
