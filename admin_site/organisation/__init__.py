"""Screens of schools, their tree of units, cohorts, campuses and majors."""
