"""The embedded small models."""
