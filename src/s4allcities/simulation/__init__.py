"""Crowd engine, clearance ensembles, hazard fields and traffic."""
