"""What this app wants done regularly."""

from models.jobs.schedule import register_tick
from models.jobs.strays import keeps
from models.releases.upkeep import FOLDER, close_broken, close_undecided, expire_files

register_tick("releases.files", 3600, expire_files)
register_tick("releases.broken", 600, close_broken)
register_tick("releases.undecided", 24 * 3600, close_undecided)
keeps(FOLDER, "releases.ExportRecord.file")
