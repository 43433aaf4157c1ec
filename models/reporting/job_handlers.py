"""What runs by itself once a day."""

from models.jobs.schedule import register_tick
from models.reporting.upkeep import sweep_strays

register_tick("reporting.strays", 24 * 3600, sweep_strays)
