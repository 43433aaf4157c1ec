"""What this app wants done regularly."""

from models.documents.services import FOLDER
from models.jobs.strays import keeps

keeps(FOLDER, "documents.IssuedDocument.stored")
