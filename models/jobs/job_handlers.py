"""What this floor wants done regularly. Jobs proper are declared by the apps above."""

from models.audit.management.commands.purge_audit import purge
from models.audit.seals import seal
from models.jobs import nightly, strays, upkeep
from models.jobs.reaper import reap
from models.jobs.schedule import register_tick

HOUR = 3600
DAY = 24 * HOUR

register_tick("jobs.reap", 15, reap)
register_tick("jobs.files", HOUR, upkeep.expire_files)
register_tick("jobs.strays", DAY, strays.sweep_all)
register_tick("jobs.workers", DAY, upkeep.forget_workers)
register_tick("jobs.queue", DAY, upkeep.prune_queue)
register_tick("jobs.sessions", DAY, upkeep.clear_sessions)
register_tick("audit.purge", DAY, purge)
register_tick("jobs.statistics", HOUR, upkeep.refresh_statistics)
register_tick("jobs.verify", DAY, nightly.begin)
register_tick("audit.seal", 300, seal)  # the trail lies below the jobs and cannot ask for it itself

for folder in ("jobs", "batches", "materials"):  # results of jobs, by what they are
    strays.keeps(folder, "jobs.Job.result_file")
