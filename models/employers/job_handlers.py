"""Upkeep of employers."""

from models.employers.registration import forget_old
from models.jobs.schedule import register_tick

register_tick("employers.registrations", 24 * 3600, forget_old)
