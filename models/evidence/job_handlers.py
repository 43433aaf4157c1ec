"""What this app wants done regularly."""

from models.evidence.upkeep import forget_removed, sweep_strays
from models.jobs.schedule import register_tick

DAY = 24 * 3600

register_tick("evidence.removed", DAY, forget_removed)
register_tick("evidence.strays", DAY, sweep_strays)
