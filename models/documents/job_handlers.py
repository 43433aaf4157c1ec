"""What this app wants done regularly."""

from models.documents.upkeep import sweep_strays
from models.jobs.schedule import register_tick

register_tick("documents.strays", 24 * 3600, sweep_strays)
