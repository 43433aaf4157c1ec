"""Upkeep of employers."""

from models.employers.appeals import FOLDER
from models.employers.registration import forget_old
from models.jobs.schedule import register_tick
from models.jobs.strays import keeps

register_tick("employers.registrations", 24 * 3600, forget_old)
keeps(FOLDER, "employers.AccountAppeal.licence")
