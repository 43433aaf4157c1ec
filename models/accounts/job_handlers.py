"""Upkeep of accounts."""

from models.accounts.counters import forget_old
from models.jobs.schedule import register_tick

register_tick("accounts.counters", 3600, forget_old)
