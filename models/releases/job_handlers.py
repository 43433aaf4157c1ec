"""What this app wants done regularly."""

from models.jobs.schedule import register_tick
from models.releases.upkeep import close_broken, close_undecided, expire_files, sweep_strays

register_tick("releases.files", 3600, expire_files)
register_tick("releases.strays", 24 * 3600, sweep_strays)
register_tick("releases.broken", 600, close_broken)
register_tick("releases.undecided", 24 * 3600, close_undecided)
